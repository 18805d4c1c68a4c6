/**
 * Names of the keys that stand beside a stream: what is remembered of ids and senders.
 *
 * They lie in the stream's slot of a cluster, so that one script can write both: `corec_responses` has `{corec_responses}:once:<id>`;
 * a stream whose name has braces of its own (`{a}b`) has `{a}b:once:<id>`. For a name with a `}` and no such pair there is no key in its
 * slot; CoreC writes to no such stream.
 */
export function onceKey(stream: string, onceId: string): string {
  return `${slotPrefix(stream)}:once:${onceId}`;
}

/** What is remembered of the batches of one sender, which is a bus of one process. */
export function appendsKey(stream: string, senderId: string): string {
  return `${slotPrefix(stream)}:appends:${senderId}`;
}

function slotPrefix(stream: string): string {
  const open = stream.indexOf('{');
  const hasTag = open >= 0 && stream.indexOf('}', open + 1) > open + 1;
  return hasTag ? stream : `{${stream}}`;
}
