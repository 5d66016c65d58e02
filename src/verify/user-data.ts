/** What user-data writes, and what the command in it makes of that; see the check `user-data`. */
export const USER_DATA = '/run/image-factory-user-data';
export const CARRIED_OUT = '/run/image-factory-user-data.sha256';

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
