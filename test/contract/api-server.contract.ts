/**
 * What this project relies on in an API server: held by the real one and by the model of it, which is thereby fit to
 * stand for it.
 */
import { after, before, describe } from 'node:test';
import { ApiWorld, type RunningApiServer } from '../support/api-world.ts';
import { applyContract } from './api-server-apply.ts';
import { objectContract } from './api-server-objects.ts';
import { watchContract } from './api-server-watch.ts';

export interface ApiServerSuite {
  readonly name: string;
  readonly start: () => Promise<RunningApiServer>;
}

export function apiServerContract({ name, start }: ApiServerSuite): void {
  describe(name, () => {
    let running: RunningApiServer | undefined;
    let world: ApiWorld | undefined;
    before(async () => {
      running = await start();
      world = new ApiWorld(running);
      await world.install();
    });
    after(async () => {
      world?.api.close();
      await running?.stop();
    });
    const inWorld = (): ApiWorld => {
      if (world === undefined) throw new Error('only within tests');
      return world;
    };
    objectContract(inWorld);
    applyContract(inWorld);
    watchContract(inWorld);
  });
}
