import { gzipSync } from 'node:zlib';

/** What user-data writes, and what the command in it makes of that; see the check `user-data`. */
export const USER_DATA = '/run/image-factory-user-data';
export const CARRIED_OUT = '/run/image-factory-user-data.sha256';

/** What a script in user-data writes. */
export const SCRIPTED = '/run/image-factory-script';

/** What vendor-data writes. */
export const VENDOR_DATA = '/run/image-factory-vendor-data';

/**
 * An operator's cloud-config. It keeps to a key of its own: where both name one, the customer's counts.
 * @param nonce hex digits
 */
export function vendorData(nonce: string): string {
  return `#cloud-config\n${JSON.stringify({ bootcmd: [['sh', '-c', `printf %s ${nonce} > ${VENDOR_DATA}`]] })}\n`;
}

/**
 * A cloud-config that leaves a nonce in the guest and runs a command on it.
 * @param nonce hex digits
 */
export function userData(nonce: string): string {
  const config = {
    write_files: [{ path: USER_DATA, content: nonce }],
    runcmd: [['sh', '-c', `sha256sum ${USER_DATA} > ${CARRIED_OUT}`]],
  };
  // JSON is YAML too, and leaves no question of quoting.
  return `#cloud-config\n${JSON.stringify(config)}\n`;
}

/** @param nonce hex digits */
export function scriptUserData(nonce: string): string {
  return `#!/bin/sh\nprintf %s ${nonce} > ${SCRIPTED}\n`;
}

/**
 * A cloud-config and a script in one message, as customers send them who need both, and packed as those do whose
 * user-data would be too long.
 * @param nonce hex digits
 */
export function multipartUserData(nonce: string): Buffer {
  const boundary = `=====${nonce}==`;
  const part = (type: string, text: string) =>
    `--${boundary}\nContent-Type: text/${type}; charset="us-ascii"\nMIME-Version: 1.0\n\n${text}\n`;
  const head = `Content-Type: multipart/mixed; boundary="${boundary}"\nMIME-Version: 1.0\n\n`;
  const parts = [part('cloud-config', userData(nonce)), part('x-shellscript', scriptUserData(nonce))];
  return gzipSync(`${head}${parts.join('')}--${boundary}--\n`);
}
