/** What is used of the AWS SDK. It weighs several megabytes, so this module is loaded by the first use of any Lambda function. */
export { GetFunctionConfigurationCommand, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
export { fromWebToken } from '@aws-sdk/credential-provider-web-identity';
