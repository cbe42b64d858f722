/** What tests of broker targets have in common: a server behind a proxy, and a target by itself. */
import { after, before } from 'node:test';
import type { Clock } from '../../../forwarder/lib/clock.ts';
import type { Principal } from '../../../forwarder/model/principal.ts';
import type { Target } from '../../../forwarder/model/target.ts';
import type { TargetSpec } from '../../../forwarder/model/trigger.ts';
import { type AddressGuard, createAddressGuard } from '../../../forwarder/target/address-guard.ts';
import type { TargetEnvironment, TargetMaker } from '../../../forwarder/target/target-maker.ts';
import { type KeyAndCertificate, TestCa } from '../certificates.ts';
import { FaultProxy } from '../fault-proxy.ts';
import { principalWith } from '../principals.ts';

export interface BrokerServer extends AsyncDisposable {
  /** Where it listens for clients, on 127.0.0.1. */
  readonly port: number;
  /** Starts it (again), with what it held. */
  start(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

/** Whom a server lets in: over TLS, with a certificate of the authority, as this user. */
export class BrokerUser {
  readonly ca: TestCa = new TestCa();
  /** Of the server, and of its clients. */
  readonly own: KeyAndCertificate = this.ca.issue();
  readonly username = 'alice';
  readonly password = 'canary-of-alice';

  /** As Secrets `login` and `tls`, by `name/key`. */
  get secrets(): Readonly<Record<string, string>> {
    return {
      'login/username': this.username,
      // As editors leave it.
      'login/password': `${this.password}\n`,
      'tls/ca.crt': this.ca.cert,
      'tls/tls.crt': this.own.cert,
      'tls/tls.key': this.own.key,
    };
  }

  /** As files of a folder. */
  get files(): Readonly<Record<'ca.pem' | 'cert.pem' | 'key.pem', string>> {
    return { 'ca.pem': this.ca.cert, 'cert.pem': this.own.cert, 'key.pem': this.own.key };
  }
}

/** A server that clients reach through a proxy, for the tests of the suite that calls this. */
export function behindProxy<S extends BrokerServer>(
  start: (clientPort: number) => Promise<S>,
): { readonly proxy: FaultProxy; readonly server: S } {
  let proxy: FaultProxy | undefined;
  let server: S | undefined;
  before(async () => {
    proxy = await FaultProxy.start(0);
    server = await start(proxy.port);
    proxy.upstreamPort = server.port;
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    await proxy?.[Symbol.asyncDispose]();
  });
  const started = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error('it runs while tests do');
    return value;
  };
  return {
    get proxy() {
      return started(proxy);
    },
    get server() {
      return started(server);
    },
  };
}

/** Whatever is not said of how a target works. */
export const ANYWHERE: AddressGuard = createAddressGuard({ inPod: false, apiServers: [], deniedCidrs: [] });

/** A target that shares its connections with no other. */
export function targetAlone<S extends TargetSpec>(
  open: (environment: TargetEnvironment) => TargetMaker<S>,
  spec: S,
  {
    clock,
    guard = ANYWHERE,
    principal = principalWith(),
  }: { readonly clock: Clock; readonly guard?: AddressGuard; readonly principal?: Principal },
): Target {
  return open({ clock, guard, env: {} }).create(spec, { reply: 'Result' }, principal);
}
