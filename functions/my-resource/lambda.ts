import { toLambda, type LambdaHandler } from '@statewire/functions/lambda';
import { myResource } from './my-resource.ts';

/** What serverless.yml names. */
export const handler: LambdaHandler = toLambda(myResource);
