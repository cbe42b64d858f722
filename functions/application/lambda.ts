import { toLambda, type LambdaHandler } from '@statewire/functions/lambda';
import { application } from './application.ts';

/** What serverless.yml names. */
export const handler: LambdaHandler = toLambda(application);
