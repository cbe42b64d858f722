import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLogger, type LoggerOptions } from '../../../forwarder/observe/json-logger.ts';
import type { Logger } from '../../../forwarder/lib/logger.ts';

const clock = { now: () => Date.UTC(2026, 10, 21, 2, 30, 5, 123) };

function recorded(options: Partial<LoggerOptions> = {}): {
  readonly logger: Logger;
  readonly lines: string[];
} {
  const lines: string[] = [];
  const logger = createLogger({
    format: 'json',
    level: 'info',
    clock,
    write: (line) => void lines.push(line),
    color: false,
    ...options,
  });
  return { logger, lines };
}

describe('createLogger, as JSON', () => {
  it('writes time, level and msg first, then the bound fields, then its own', () => {
    const { logger, lines } = recorded();
    logger.with({ trigger: 'shop/a' }).warn('held back', { key: 'shop/x', attempt: 2 });
    assert.deepEqual(lines, [
      '{"time":"2026-11-21T02:30:05.123Z","level":"warn","msg":"held back","trigger":"shop/a","key":"shop/x","attempt":2}\n',
    ]);
  });

  it('lets a line replace a bound field', () => {
    const { logger, lines } = recorded();
    logger.with({ key: 'a' }).with({ key: 'b' }).info('x', { key: 'c' });
    assert.equal(JSON.parse(lines[0] ?? '').key, 'c');
  });

  it('leaves out what is below its level', () => {
    const { logger, lines } = recorded({ level: 'warn' });
    for (const level of ['debug', 'info', 'warn', 'error'] as const) logger[level](level);
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).level),
      ['warn', 'error'],
    );
    assert.equal(logger.debugEnabled, false);
    assert.equal(recorded({ level: 'debug' }).logger.debugEnabled, true);
  });

  it('keeps one line for text with line breaks', () => {
    const { logger, lines } = recorded();
    logger.error('failed', { error: 'a\nb' });
    assert.equal(lines[0]?.split('\n').length, 2);
  });
});

describe('createLogger, as text', () => {
  it('writes a readable line', () => {
    const { logger, lines } = recorded({ format: 'text' });
    logger.info('invoked', { key: 'shop/x', error: 'no answer', durationMs: 12 });
    assert.deepEqual(lines, ['02:30:05.123 INFO  invoked key=shop/x error="no answer" durationMs=12\n']);
  });

  it('colours it on a terminal', () => {
    const { logger, lines } = recorded({ format: 'text', color: true });
    logger.error('failed');
    assert.ok(lines[0]?.includes('\u001B[31mERROR\u001B[0m'));
  });

  it('lets nothing from outside move the cursor', () => {
    const { logger, lines } = recorded({ format: 'text' });
    logger.info('a\u001B[2Jb\nc', { error: '\u001B[2J', key: 'a\u0007' });
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    assert.doesNotMatch(lines[0]?.slice(0, -1) ?? '\n', /[\u0000-\u001f\u007f]/);
  });
});
