/** A trigger that has nothing special. */
import type { SimulatedTrigger } from '../simulation/triggers.ts';

export const PLAIN_TRIGGER: SimulatedTrigger = {
  name: 't0',
  changes: ['Spec'],
  team: undefined,
  quietMs: 100,
  maxWaitMs: 500,
  maxAttempts: 3,
  concurrency: 2,
  suspended: false,
};
