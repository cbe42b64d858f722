/**
 * Stands for the gateway of OpenFaaS Enterprise in front of a function with `jwt_auth`, which does not run here: it gives
 * function tokens at `/oauth/token` (RFC 8693) as its documentation and its Go client say, and lets nobody in without.
 */
import { answer, type ReceivedRequest, type Script, ScriptedServer } from './scripted-server.ts';

export class OpenFaasGateway implements AsyncDisposable {
  /** Exchanges asked for, as forms. */
  readonly exchanges: Readonly<Record<string, string>>[] = [];
  /** Calls that were let in. */
  readonly calls: ReceivedRequest[] = [];
  /** Whether the holder of that token may have one for the function. */
  admits: (subjectToken: string) => boolean = () => true;
  /** What is answered to an exchange in place of a token. */
  failure: Script | undefined;
  /** Seconds that a token says it lives; undefined: it does not say. */
  expiresIn: number | undefined = 3600;
  #given = 0;
  #valid = '';
  readonly #server: ScriptedServer;

  private constructor(server: ScriptedServer) {
    this.#server = server;
    server.script = (socket, request) =>
      request.path === '/oauth/token' ? this.#exchange(socket, request) : this.#call(socket, request);
  }

  static async start(): Promise<OpenFaasGateway> {
    return new OpenFaasGateway(await ScriptedServer.start(answer(500)));
  }

  get origin(): string {
    return this.#server.origin;
  }

  /** Tokens given so far are refused from now on. */
  revoke(): void {
    this.#valid = '';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }

  #exchange(...[socket, request]: Parameters<Script>): ReturnType<Script> {
    const form = Object.fromEntries(new URLSearchParams(request.body));
    this.exchanges.push(form);
    if (this.failure !== undefined) return this.failure(socket, request);
    if (!this.admits(form['subject_token'] ?? '')) {
      const error = { error: 'invalid_grant', error_description: `not ${form['subject_token']}` };
      return answer(401, { 'content-type': 'application/json' }, JSON.stringify(error))(socket, request);
    }
    this.#valid = `function-token-${++this.#given}`;
    const token = {
      access_token: this.#valid,
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      token_type: 'Bearer',
      ...(this.expiresIn !== undefined && { expires_in: this.expiresIn }),
    };
    return answer(200, { 'content-type': 'application/json' }, JSON.stringify(token))(socket, request);
  }

  #call(...[socket, request]: Parameters<Script>): ReturnType<Script> {
    const isValid = this.#valid !== '' && request.headers['authorization'] === `Bearer ${this.#valid}`;
    if (isValid) this.calls.push(request);
    return answer(isValid ? 204 : 401)(socket, request);
  }
}
