/**
 * Whose AWS credentials call a function: those of the trigger's own role, which its ServiceAccount's token assumes (STS
 * AssumeRoleWithWebIdentity), or those of the forwarder's process where that serves the trigger.
 */
import { createHash } from 'node:crypto';
import { TargetError } from '../lib/errors.ts';
import type { Principal } from '../model/principal.ts';
import type { LambdaTarget } from '../model/trigger.ts';
import type { ClientIdentity, LambdaSdk } from './lambda-clients.ts';

const FIELD = 'spec.target.lambda.roleArn';
/** The audience that AWS asks of tokens from Kubernetes. */
const AUDIENCE = 'sts.amazonaws.com';

/** Throws TargetError (target) where the trigger has no credentials at all. */
export function lambdaIdentity(
  { fromWebToken }: Pick<LambdaSdk, 'fromWebToken'>,
  { roleArn }: Pick<LambdaTarget, 'roleArn'>,
  principal: Principal,
  region: string,
): ClientIdentity {
  if (roleArn === undefined) {
    if (principal.ambient) return { key: '' };
    const why = 'this namespace is not in --ambient-credentials-namespaces';
    throw misconfigured(
      `${FIELD}: is needed, because the forwarder's own AWS credentials do not serve it: ${why}`,
    );
  }
  return {
    key: `${principal.name} ${roleArn}`,
    credentials: async () => {
      const webIdentityToken = await principal.token(AUDIENCE, { field: FIELD });
      try {
        const roleSessionName = sessionName(principal.name);
        return await fromWebToken({ roleArn, roleSessionName, webIdentityToken, clientConfig: { region } })();
      } catch (error) {
        throw notAssumed(roleArn, error);
      }
    },
  };
}

/** Shown in CloudTrail: 2 to 64 characters of `[\w+=,.@-]`. */
function sessionName(principal: string): string {
  const name = principal.replace('/', '@');
  if (name.length <= 64) return name;
  return `${name.slice(0, 55)}-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`;
}

function notAssumed(roleArn: string, cause: unknown): TargetError {
  const status = (cause as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode ?? 0;
  const name = cause instanceof Error ? cause.name : 'error';
  if (status >= 400 && status < 500 && status !== 429) {
    return misconfigured(
      `${FIELD}: AWS does not let this trigger's ServiceAccount assume ${roleArn}: ${name}`,
      cause,
    );
  }
  return new TargetError('TARGET_UNAVAILABLE', `${FIELD}: ${roleArn} cannot be assumed now`, {
    blame: 'target',
    conclusive: true,
    cause,
  });
}

function misconfigured(message: string, cause?: unknown): TargetError {
  return new TargetError('TARGET_MISCONFIGURED', message, { blame: 'target', conclusive: true, cause });
}
