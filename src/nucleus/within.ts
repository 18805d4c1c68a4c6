/** Waiting with an end: for what belongs to somebody else and may never answer. */
import { CoreCError } from '#domain/errors.ts';
import type { Clock } from '#ports/clock.ts';

/** What `work` comes to, if it does within `ms`. Errors: COREC_E_BUSY naming `what`; the work itself goes on unheard. */
export async function within<T>(
  clock: Pick<Clock, 'after'>,
  ms: number,
  what: string,
  work: Promise<T> | T,
): Promise<T> {
  let cancel = (): void => {};
  const limit = new Promise<never>((_resolve, reject) => {
    cancel = clock.after(ms, () =>
      reject(new CoreCError('COREC_E_BUSY', { what, found: `no end after ${ms / 1000} s`, seconds: 1 })),
    );
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    cancel();
  }
}
