import { toKnative, type KnativeHandler } from '@statewire/functions/knative';
import { modelDeployment } from './model-deployment.ts';

/** What Knative's runtime for Node.js functions calls. */
export const handle: KnativeHandler = toKnative(modelDeployment);
