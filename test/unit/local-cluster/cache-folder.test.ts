import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cacheFolder } from '../../../local-cluster/cache-folder.ts';

describe('cacheFolder', () => {
  for (const { reason, given, expected } of [
    {
      reason: 'is ~/.cache on Linux',
      given: { platform: 'linux', env: {} },
      expected: '/home/ann/.cache/statewire',
    },
    {
      reason: 'is ~/Library/Caches on macOS',
      given: { platform: 'darwin', env: {} },
      expected: '/home/ann/Library/Caches/statewire',
    },
    {
      reason: 'follows XDG_CACHE_HOME, on macOS too',
      given: { platform: 'darwin', env: { XDG_CACHE_HOME: '/var/x' } },
      expected: '/var/x/statewire',
    },
    {
      reason: 'ignores an empty XDG_CACHE_HOME',
      given: { platform: 'linux', env: { XDG_CACHE_HOME: '' } },
      expected: '/home/ann/.cache/statewire',
    },
    {
      reason: 'ignores a relative XDG_CACHE_HOME, as its specification says',
      given: { platform: 'linux', env: { XDG_CACHE_HOME: 'x' } },
      expected: '/home/ann/.cache/statewire',
    },
  ]) {
    it(reason, () => assert.equal(cacheFolder({ ...given, home: '/home/ann' }), expected));
  }
});
