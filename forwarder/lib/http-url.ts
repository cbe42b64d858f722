/** Which URLs a trigger may name: one answer for whoever checks triggers and whoever calls. */

/** A host, then nothing or a path or query: URL.parse alone takes `http:a` and `http:///a` for `http://a`. */
const ABSOLUTE = /^https?:\/\/[^/?#@\s]+([/?][^#\s]*)?$/i;

/** As browsers see it: an address of this computer, or the name that always stands for it. */
const LOOPBACK = /^(?:127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/;

/** Whether what is sent there stays secret on its way: TLS, or this computer itself. */
export function isConfidentialUrl({ protocol, hostname }: Pick<URL, 'protocol' | 'hostname'>): boolean {
  return protocol === 'https:' || (protocol === 'http:' && LOOPBACK.test(hostname));
}

/** What is wrong with a function's URL, for the trigger's author; undefined where nothing is. Never holds the URL. */
export function urlProblem(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null) return 'is no absolute URL';
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'must begin with http:// or https://';
  if (url.username !== '' || url.password !== '') return 'must not hold a user name or password';
  if (text.includes('#')) return 'must not hold a fragment';
  return ABSOLUTE.test(text) ? undefined : 'is no absolute URL';
}
