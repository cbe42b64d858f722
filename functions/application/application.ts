import { customResource, defineFunction, done, type StatewireFunction } from '@statewire/functions';
import * as z from 'zod';
import { reconcile } from './reconcile.ts';

const Application = customResource({
  group: 'example.com',
  version: 'v1',
  kind: 'Application',
  spec: z.object({
    image: z.string().min(1),
    replicas: z.number().int().min(0),
    port: z.number().int().min(1).max(65_535),
  }),
  status: z.object({
    availableReplicas: z.number().int(),
    phase: z.enum(['Pending', 'Progressing', 'Ready', 'Degraded']),
  }),
});

/** Runs an Application as a Deployment behind a Service, whichever host calls it. */
export const application: StatewireFunction = defineFunction(Application, {
  created: ({ object, children }) => reconcile(object, children),
  updated: ({ object, children }) => reconcile(object, children),
  // By the trigger's finalizer the Application is there until this was carried out: nothing of it serves when it is gone.
  // One that only left the selection keeps its children, and of one that nobody saw go Kubernetes deletes them.
  deleted: ({ reason }) => (reason === 'Deleted' ? done({ apply: [] }) : done()),
});
