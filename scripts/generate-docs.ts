/**
 * Writes the reference pages that have another source: the trigger's CRD, the table of options, the catalogue of metrics.
 * `test/docs-parity.test.ts` holds the committed pages equal to what this makes.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { load } from 'js-yaml';
import { environmentName, FORWARDER_OPTIONS } from '../forwarder/config/options.ts';
import type { Schema } from '../forwarder/config/schema.ts';
import { LATER_FIELDS } from '../forwarder/config/trigger-rules.ts';
import { TRIGGER_CRD, triggerSchema } from '../forwarder/config/trigger-schema.ts';
import { METRICS } from '../forwarder/model/metrics.ts';

const DEAD_LETTER_CRD = 'deploy/crds/deadletter.yaml';
const DURATION_PATTERN = '^([0-9]{1,5}(h|m|s|ms)){1,4}$';

/** Text of each page, by its path; tables not yet aligned. */
export const PAGES: Readonly<Record<string, () => string>> = {
  'docs/reference/trigger.md': triggerPage,
  'docs/reference/dead-letter.md': deadLetterPage,
  'docs/reference/configuration.md': configurationPage,
  'docs/reference/metrics.md': metricsPage,
};

function triggerPage(): string {
  const spec = triggerSchema().properties?.['spec'];
  if (spec === undefined) throw new Error(`${TRIGGER_CRD} has no spec`);
  const example = readFileSync('test/fixtures/triggers/full.yaml', 'utf8');
  return page(
    'FunctionTrigger',
    `Every field of \`spec\`, from [the CRD](../../${TRIGGER_CRD}); \`kubectl explain functiontrigger.spec\` shows the same.`,
    'Durations are texts like `100ms`, `30s` or `1h30m`. What is marked *later* is accepted by the API server and refused by the forwarder: `Accepted=False` with reason `NotSupported`.',
    table(['field', 'type', 'default', 'what it does'], fieldRows(spec, '')),
    '## Example',
    `\`\`\`yaml\n${example}\`\`\``,
  );
}

function deadLetterPage(): string {
  const { properties = {} } = schemaOf(DEAD_LETTER_CRD);
  const rows = (['spec', 'status'] as const).flatMap((part) => {
    const schema = properties[part];
    if (schema === undefined) throw new Error(`${DEAD_LETTER_CRD} has no ${part}`);
    return fieldRows({ ...schema, required: [] }, `${part}.`);
  });
  return page(
    'DeadLetter',
    `What was given up: one object for each trigger and object whose attempts are used up, or whose failure is permanent; from [the CRD](../../${DEAD_LETTER_CRD}). [Replay what failed](../guides/operate.md#replay-what-failed) says how to work with them.`,
    table(
      ['field', 'type', 'what it says'],
      rows.map(([field = '', type = '', , says = '']) => [field, type, says]),
    ),
    '## What else is promised',
    [
      '- It is in the namespace of the object, named `<trigger, cut at 40>-<10 hex>`; the hex is the beginning of SHA-256 of `<uid of the trigger>/<uid of the object>`.',
      '- Labels: `statewire.dev/trigger-name`, `statewire.dev/kind`, and `statewire.dev/trigger` (12 hex of SHA-256 of `namespace/name` of the trigger).',
      '- The trigger owns it where that is an object of the API (not with `--triggers FILE`), so it goes with the trigger.',
      '- `spec` never changes. No payload is stored: a replay sends the current state of the object.',
      '- The annotation `statewire.dev/replay`, with any value, asks for a replay; the forwarder takes it and removes it. The event has the reason `Replay` and attempts of its own.',
      "- It goes when a later delivery of the object succeeds, when the object is gone and needs no `deleted`, when its failure turns out to be the target's own, and with the trigger. Deleted by hand it is gone, and the object stays as it is; what is still given up after a restart gets its letter again, with the code `UNKNOWN` where nothing tells any more why.",
      '- At most 1,000 are kept for a trigger. Beyond, failing objects stay pending and are tried again every `delivery.backoff.max`; `StatusApplied=False` with reason `DeadLettersFull` says so.',
    ].join('\n'),
    '## Example',
    `\`\`\`yaml\n${readFileSync('test/fixtures/dead-letter.yaml', 'utf8')}\`\`\``,
  );
}

function schemaOf(crd: string): Schema {
  const { spec } = load(readFileSync(crd, 'utf8')) as {
    readonly spec: {
      readonly versions: readonly { readonly schema: { readonly openAPIV3Schema: Schema } }[];
    };
  };
  const [version] = spec.versions;
  if (version === undefined) throw new Error(`${crd} has no version`);
  return version.schema.openAPIV3Schema;
}

/** Whether the forwarder refuses the field for now. */
function isLater(field: string): boolean {
  return LATER_FIELDS.some(
    (later) => field === later || field.startsWith(`${later}.`) || field.startsWith(`${later}[`),
  );
}

function fieldRows(schema: Schema, prefix: string): readonly (readonly string[])[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const field = prefix + name;
    const required = schema.required?.includes(name) === true ? 'required' : '';
    const later = isLater(field) ? ' *Later.*' : '';
    const row = [
      `\`${field}\``,
      typeOf(property),
      property.default === undefined || property.type === 'object'
        ? required
        : `\`${defaultOf(property.default)}\``,
      `${property.description ?? ''}${later}`,
    ];
    const inner = property.type === 'array' ? property.items : property;
    const dot = property.type === 'array' ? '[].' : '.';
    return [row, ...(inner === undefined ? [] : fieldRows(inner, field + dot))];
  });
}

function typeOf({
  type,
  enum: values,
  pattern,
  items,
  minimum,
  maximum,
  additionalProperties,
}: Schema): string {
  if (values !== undefined) return values.join(', ');
  if (pattern === DURATION_PATTERN) return 'duration';
  if (type === 'array') return items === undefined ? 'list' : `list of ${typeOf(items)}`;
  if (type === 'object') return additionalProperties === undefined ? 'object' : 'map of texts';
  if (type === 'integer' && maximum === undefined) return 'number';
  if (type === 'integer') return `${minimum ?? ''} to ${maximum ?? ''}`;
  return type === 'string' ? 'text' : type;
}

function defaultOf(value: unknown): string {
  return Array.isArray(value) ? `[${value.join(', ')}]` : String(value);
}

function configurationPage(): string {
  return page(
    'Configuration of `statewire forwarder`',
    'Each option is a flag or a variable; flags win, and an empty variable counts as not set. Bad options end the process with exit code 2 and one line that names the flag.',
    table(
      ['flag', 'variable', 'default', 'what it does'],
      FORWARDER_OPTIONS.map((option) => [
        `\`--${option.flag} ${option.value}\``,
        `\`${environmentName(option.flag)}\``,
        option.default ?? '',
        option.help,
      ]),
    ),
  );
}

function metricsPage(): string {
  return page(
    'Metrics',
    'What `/metrics` on the admin address shows, in the text format of Prometheus, beside the usual `process_*` and `nodejs_*` metrics (memory, CPU, garbage collection, lag of the event loop). Durations are in seconds. The label `trigger` is `namespace/name`; the series of a trigger go when it goes.',
    table(
      ['metric', 'type', 'labels', 'what it tells'],
      Object.entries(METRICS).map(([name, { type, labels, help }]) => [
        `\`${name}\``,
        type,
        labels.map((label) => `\`${label}\``).join(', '),
        help,
      ]),
    ),
  );
}

function page(title: string, ...parts: readonly string[]): string {
  const note = '<!-- Written by scripts/generate-docs.ts; change its source instead. -->';
  return `${[`# ${title}`, note, ...parts].join('\n\n')}\n`;
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}

if (import.meta.main) {
  for (const [name, render] of Object.entries(PAGES)) writeFileSync(name, render());
  const { status } = spawnSync(path.join('node_modules', '.bin', 'oxfmt'), Object.keys(PAGES), {
    stdio: 'inherit',
  });
  process.exitCode = status ?? 1;
}
