const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** Milliseconds of a Go duration (`10s`, `1m30s`, `1.5h`) or a bare number of seconds; undefined where it is none, or 0. */
export function goDurationMs(text: string | readonly string[] | undefined): number | undefined {
  if (typeof text !== 'string') return undefined;
  if (/^[0-9]+$/.test(text)) return Number(text) * 1000 || undefined;
  if (!/^([0-9]+(\.[0-9]+)?(h|ms|m|s))+$/.test(text)) return undefined;
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(/([0-9.]+)(h|ms|m|s)/g)) {
    totalMs += Number(amount) * (UNIT_MS[unit ?? ''] ?? 0);
  }
  return totalMs || undefined;
}
