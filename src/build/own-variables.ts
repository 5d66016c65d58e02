import type { ImageLine } from '../definition/types.ts';

/** What the elements of this repository read of a line, beside diskimage-builder's variables. */
export function ownVariables({ user, hardening }: ImageLine): Record<string, string> {
  return {
    IMAGE_FACTORY_USER: user.name,
    IMAGE_FACTORY_USER_SUDO: user.sudo,
    IMAGE_FACTORY_USER_SSH_KEYS: user.sshKeys.join('\n'),
    IMAGE_FACTORY_USER_PASSWORD_HASH: user.passwordHash ?? '',
    IMAGE_FACTORY_HARDENING_EXCEPT: Object.keys(hardening.except).join(' '),
  };
}
