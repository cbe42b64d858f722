/** By name of the function in deploy/openfaas/stack.yaml, what its handler.js exports. */
import { toOpenFaaS, type OpenFaaSHandler } from '@statewire/functions/openfaas';
import { aiGateway } from './ai-gateway.ts';
import { llmModel, llmRoutingPolicy, promptTemplate, rateLimitPolicy } from './parts.ts';

export const handlers: Readonly<Record<string, OpenFaaSHandler>> = {
  'ai-gateway': toOpenFaaS(aiGateway),
  'llm-model': toOpenFaaS(llmModel),
  'llm-routing-policy': toOpenFaaS(llmRoutingPolicy),
  'prompt-template': toOpenFaaS(promptTemplate),
  'rate-limit-policy': toOpenFaaS(rateLimitPolicy),
};
