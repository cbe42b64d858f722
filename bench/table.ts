/** One measured value, and what it has to be to ship. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** Absent: reported only. */
  readonly floor?: { readonly atMost: number } | { readonly atLeast: number };
  readonly note?: string;
}

/** A Markdown table. */
export function renderTable(figures: readonly Figure[]): string {
  const rows = figures.map(({ what, value, unit, floor, note = '' }) => [
    what,
    `${round(value)} ${unit}`,
    floor === undefined ? '' : 'atMost' in floor ? `≤ ${floor.atMost}` : `≥ ${floor.atLeast}`,
    floor === undefined ? '' : isMet(value, floor) ? 'met' : '**missed**',
    note,
  ]);
  const head = ['figure', 'value', 'floor', '', 'note'];
  const lines = [head, head.map(() => '---'), ...rows];
  return `${lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`;
}

function isMet(value: number, floor: NonNullable<Figure['floor']>): boolean {
  return 'atMost' in floor ? value <= floor.atMost : value >= floor.atLeast;
}

function round(value: number): string {
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** Nearest rank. `samples` need not be sorted; none gives NaN. */
export function percentile(samples: readonly number[], percent: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
}
