/** Text from outside is cut at this many characters before it enters a message. */
const MAX_TEXT = 256;

/** One line of at most 256 characters: what goes into the `message` of an error. */
export function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length <= MAX_TEXT ? line : `${line.slice(0, MAX_TEXT - 1)}…`;
}

/** What a thrown value says, whatever was thrown. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) return oneLine(thrown.message === '' ? thrown.name : thrown.message);
  return oneLine(typeof thrown === 'string' && thrown !== '' ? thrown : 'the handler threw no Error');
}
