/** The forms in which Lambda functions are named. */

/** `arn:aws:lambda:<region>:<account>:function:<name>[:<qualifier>]`, in any partition. */
const ARN = /^arn:aws[a-z-]*:lambda:(?<region>[a-z0-9-]+):\d{12}:function:/;

/** The region that a function's ARN names; undefined for names and partial ARNs. */
export function regionOfFunction(functionName: string): string | undefined {
  return ARN.exec(functionName)?.groups?.['region'];
}
