/** Where this user's things are kept that can be made again. */
import path from 'node:path';

export interface UserEnvironment {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: string;
  readonly home: string;
}

/** `$XDG_CACHE_HOME/statewire`, else `~/Library/Caches/statewire` on macOS, else `~/.cache/statewire`. */
export function cacheFolder({ env, platform, home }: UserEnvironment): string {
  const xdg = env['XDG_CACHE_HOME'];
  // The XDG specification: a relative path is invalid and to be ignored.
  if (xdg !== undefined && path.isAbsolute(xdg)) return path.join(xdg, 'statewire');
  return path.join(home, ...(platform === 'darwin' ? ['Library', 'Caches'] : ['.cache']), 'statewire');
}
