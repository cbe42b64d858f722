/** Which URLs of message brokers a trigger may name. */

/** Scheme, host, port, path: never a user, a query or a fragment. */
const PARTS =
  /^([a-z]+):\/\/(?:[a-zA-Z0-9](?:[-._a-zA-Z0-9]*[a-zA-Z0-9])?|\[[0-9a-fA-F:.]+\])(?::[0-9]{1,5})?(\/[^/?#@ ]*)?$/;

/** Whether the text is a URL of one of these schemes; a path, of one part, is for AMQP alone. */
export function isBrokerUrl(text: string, schemes: readonly string[]): boolean {
  const [, scheme = '', path = ''] = PARTS.exec(text) ?? [];
  return schemes.includes(scheme) && (path.length <= 1 || scheme.startsWith('amqp')) && URL.canParse(text);
}
