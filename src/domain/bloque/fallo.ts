import { messageOf } from '../errors.ts';

/** What a failed run failed with, for people; `undefined` stands for a valor that is no finite number. */
export function falloText(error: unknown): string {
  return error === undefined ? 'valor is no finite number' : messageOf(error);
}
