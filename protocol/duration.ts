/** Durations are strings like `1m30s`, in triggers and in results. */

/** The one form of a duration: one to four numbers of at most five digits, each with a unit. */
export const DURATION_PATTERN: RegExp = /^([0-9]{1,5}(h|m|s|ms)){1,4}$/;

const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** Milliseconds of a duration, or undefined where the text is none. */
export function parseDuration(text: string): number | undefined {
  if (!DURATION_PATTERN.test(text)) return undefined;
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(/([0-9]+)(ms|h|m|s)/g)) {
    totalMs += Number(amount) * (UNIT_MS[unit ?? ''] ?? 0);
  }
  return totalMs;
}

/** The shortest duration text for a whole number of milliseconds: `90000` is `1m30s`. */
export function formatDuration(totalMs: number): string {
  let rest = Math.max(0, Math.round(totalMs));
  let text = '';
  for (const [unit, unitMs] of Object.entries(UNIT_MS)) {
    const amount = Math.floor(rest / unitMs);
    if (amount > 0) text += `${amount}${unit}`;
    rest -= amount * unitMs;
  }
  return text === '' ? '0s' : text;
}
