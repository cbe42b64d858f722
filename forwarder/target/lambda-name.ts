/** The forms in which Lambda functions are named. */

/** `arn:aws:lambda:<region>:<account>:function:<name>[:<qualifier>]`, in any partition. */
const ARN = /^arn:aws[a-z-]*:lambda:(?<region>[a-z0-9-]+):\d{12}:function:/;

/** The region that a function's ARN names; undefined for names and partial ARNs. */
export function regionOfFunction(functionName: string): string | undefined {
  return ARN.exec(functionName)?.groups?.['region'];
}

/** `<account>:function:<name>`, alone or at the end of an ARN. */
const ACCOUNT = /(?:^|:)(?<account>\d{12}):(?:function:)?[^:]/;

/** The account that a function's ARN or partial ARN names; undefined for names: then it is the caller's. */
export function accountOfFunction(functionName: string): string | undefined {
  return ACCOUNT.exec(functionName)?.groups?.['account'];
}

/** The account of a role's ARN. */
export function accountOfRole(roleArn: string | undefined): string | undefined {
  return /^arn:[^:]+:iam::(?<account>\d{12}):/.exec(roleArn ?? '')?.groups?.['account'];
}
