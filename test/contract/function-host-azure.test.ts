/** Azure Functions: the library that runs there, without the .NET host. */
import { toAzure } from '../../functions/sdk/azure.ts';
import { contractFunction, plain, signed } from '../fixtures/function-hosts/contract-function.ts';
import { startAzureFunction } from '../support/azure-functions.ts';
import { functionHostContract } from './function-host.contract.ts';

functionHostContract({
  name: 'Azure Functions',
  start: () => startAzureFunction('plain', toAzure(contractFunction, plain)),
  startSigned: () => startAzureFunction('signed', toAzure(contractFunction, signed)),
});
