/** A self-signed certificate made on the spot: one that no client has a reason to trust. */
import { generateKeyPairSync, sign } from 'node:crypto';

export interface KeyAndCertificate {
  /** PEM. */
  readonly key: string;
  /** PEM, X.509 version 1, CN=localhost, valid from 2020 to 2049. */
  readonly cert: string;
}

const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OID = 0x06;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const ECDSA_WITH_SHA256 = '2a8648ce3d040302';
const COMMON_NAME = '550403';

export function selfSigned(): KeyAndCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const algorithm = der(SEQUENCE, der(OID, Buffer.from(ECDSA_WITH_SHA256, 'hex')));
  const commonName = [der(OID, Buffer.from(COMMON_NAME, 'hex')), der(UTF8_STRING, Buffer.from('localhost'))];
  const name = der(SEQUENCE, der(SET, der(SEQUENCE, ...commonName)));
  const time = (text: string): Buffer => der(UTC_TIME, Buffer.from(text));
  const toBeSigned = der(
    SEQUENCE,
    der(INTEGER, Buffer.from([1])),
    algorithm,
    name,
    der(SEQUENCE, time('200101000000Z'), time('491231000000Z')),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
  );
  const signature = der(BIT_STRING, Buffer.from([0]), sign('sha256', toBeSigned, privateKey));
  const certificate = der(SEQUENCE, toBeSigned, algorithm, signature);
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${certificate.toString('base64')}\n-----END CERTIFICATE-----\n`,
  };
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
