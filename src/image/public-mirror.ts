/**
 * The distribution's own public mirror, as its cloud-init package names it (package_mirrors, failsafe); so no
 * host's name stands in this code, and the image is not left with the build host's mirror.
 * @param configuration text of /etc/cloud/cloud.cfg
 */
export function publicMirror(configuration: string) {
  const [, archive] = /^\s+primary:\s*(https?:\S+)\s*$/m.exec(configuration) ?? [];
  const [, security] = /^\s+security:\s*(https?:\S+)\s*$/m.exec(configuration) ?? [];
  if (archive === undefined) return undefined;
  const plain = (address: string) => address.replace(/\/+$/, '');
  return { archive: plain(archive), security: plain(security ?? `${plain(archive)}-security`) };
}
