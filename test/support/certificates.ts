/** X.509 certificates made on the spot: those of an authority of the test's own, and one that nobody has a reason to trust. */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

export interface KeyAndCertificate {
  /** PEM. */
  readonly key: string;
  /** PEM. */
  readonly cert: string;
}

const SEQUENCE = 0x30;
const SET = 0x31;
const BOOLEAN = 0x01;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OBJECT_ID = 0x06;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
/** Context-specific: version and extensions of a certificate, DNS name and address of a subject. */
const [VERSION, EXTENSIONS, DNS_NAME, IP_ADDRESS] = [0xa0, 0xa3, 0x82, 0x87];
const YES = Buffer.from([0xff]);

const ECDSA_WITH_SHA256 = objectId('2a8648ce3d040302');
const COMMON_NAME = objectId('550403');
const KEY_USAGE = objectId('551d0f');
const SUBJECT_ALT_NAME = objectId('551d11');
const BASIC_CONSTRAINTS = objectId('551d13');
const EXTENDED_KEY_USAGE = objectId('551d25');
const SERVER_AND_CLIENT = [objectId('2b06010505070301'), objectId('2b06010505070302')];

const ALWAYS = ['200101000000Z', '491231000000Z'] as const;
const LONG_AGO = ['200101000000Z', '210101000000Z'] as const;

interface Issuer {
  readonly name: string;
  readonly key: KeyObject;
}

/** An authority of its own, which vouches for servers on loopback and for clients. */
export class TestCa {
  /** PEM. */
  readonly cert: string;
  readonly #issuer: Issuer;

  constructor(name = 'Test CA') {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    this.#issuer = { name, key: privateKey };
    this.cert = certificate(this.#issuer, name, publicKey, ALWAYS, [
      extension(BASIC_CONSTRAINTS, der(SEQUENCE, der(BOOLEAN, YES)), true),
      extension(KEY_USAGE, der(BIT_STRING, Buffer.from([2, 0x04])), true), // keyCertSign
    ]);
  }

  /** For `localhost`, `127.0.0.1` and `::1`, and for clients; expired, where it says so, since 2021. */
  issue({
    name = 'localhost',
    expired = false,
  }: { readonly name?: string; readonly expired?: boolean } = {}): KeyAndCertificate {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const cert = certificate(this.#issuer, name, publicKey, expired ? LONG_AGO : ALWAYS, [
      extension(KEY_USAGE, der(BIT_STRING, Buffer.from([7, 0x80])), true), // digitalSignature
      extension(EXTENDED_KEY_USAGE, der(SEQUENCE, ...SERVER_AND_CLIENT)),
      extension(
        SUBJECT_ALT_NAME,
        der(
          SEQUENCE,
          der(DNS_NAME, Buffer.from('localhost')),
          der(IP_ADDRESS, Buffer.from([127, 0, 0, 1])),
          der(IP_ADDRESS, Buffer.from([...Array<number>(15).fill(0), 1])),
        ),
      ),
    ]);
    return { key: pemOf(privateKey), cert };
  }
}

/** CN=localhost, valid from 2020 to 2049, and an authority to itself. */
export function selfSigned(): KeyAndCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const cert = certificate({ name: 'localhost', key: privateKey }, 'localhost', publicKey, ALWAYS, []);
  return { key: pemOf(privateKey), cert };
}

function certificate(
  issuer: Issuer,
  subject: string,
  publicKey: KeyObject,
  [from, to]: readonly [string, string],
  extensions: readonly Buffer[],
): string {
  const algorithm = der(SEQUENCE, ECDSA_WITH_SHA256);
  const time = (text: string): Buffer => der(UTC_TIME, Buffer.from(text));
  const toBeSigned = der(
    SEQUENCE,
    // Extensions make it X.509 version 3; the first version goes without saying.
    ...(extensions.length > 0 ? [der(VERSION, der(INTEGER, Buffer.from([2])))] : []),
    der(INTEGER, Buffer.from([1, ...randomBytes(8)])),
    algorithm,
    distinguishedName(issuer.name),
    der(SEQUENCE, time(from), time(to)),
    distinguishedName(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    ...(extensions.length > 0 ? [der(EXTENSIONS, der(SEQUENCE, ...extensions))] : []),
  );
  const signature = der(BIT_STRING, Buffer.from([0]), sign('sha256', toBeSigned, issuer.key));
  const base64 = der(SEQUENCE, toBeSigned, algorithm, signature).toString('base64');
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function distinguishedName(commonName: string): Buffer {
  const attribute = der(SEQUENCE, COMMON_NAME, der(UTF8_STRING, Buffer.from(commonName)));
  return der(SEQUENCE, der(SET, attribute));
}

function extension(id: Buffer, value: Buffer, critical = false): Buffer {
  return der(SEQUENCE, id, ...(critical ? [der(BOOLEAN, YES)] : []), der(OCTET_STRING, value));
}

function objectId(hex: string): Buffer {
  return der(OBJECT_ID, Buffer.from(hex, 'hex'));
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
