/** User and password in a Secret of type kubernetes.io/basic-auth. */
import { TargetError } from '../lib/errors.ts';
import type { Asking, Principal, WholeSecretRef } from '../model/principal.ts';

export interface BasicLogin {
  readonly username: string;
  readonly password: string;
}

/** As they were at one time, without the line ends that editors leave. Throws TargetError (target) that names the field. */
export async function readBasicSecret(
  principal: Principal,
  ref: WholeSecretRef,
  asking: Asking,
): Promise<BasicLogin> {
  const data = await principal.secretData(ref, asking);
  const value = (key: string): string => {
    const text = data.get(key)?.toString('utf8') ?? '';
    if (/[^\r\n]/.test(text)) return text.replace(/\r?\n$/, '');
    const problem = data.has(key) ? 'has nothing under key' : 'has no key';
    const message = `${asking.field}: Secret "${ref.name}" ${problem} "${key}"`;
    throw new TargetError('TARGET_MISCONFIGURED', message, { blame: 'target', conclusive: true });
  };
  return { username: value('username'), password: value('password') };
}
