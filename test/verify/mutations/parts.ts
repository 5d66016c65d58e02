import type { Plot } from './planting.ts';

/** Enables a unit that an administrator might have written. */
export async function unit(plot: Plot, name: string, text: string, target = 'multi-user.target') {
  await plot.file(`/etc/systemd/system/${name}`, text);
  plot.symlink(`/etc/systemd/system/${target}.wants/${name}`, `/etc/systemd/system/${name}`);
}

/** A service that runs a script once, when the network is there, before sshd starts and cloud-init finishes. */
export async function onceAtBoot(plot: Plot, name: string, script: string, more = ''): Promise<void> {
  const program = `/usr/local/sbin/${name}`;
  await plot.file(program, `#!/bin/sh\n${script}\n`, 0o755);
  const order =
    'Wants=network-online.target\nAfter=network-online.target\nBefore=cloud-config.service ssh.service\n';
  const service = `[Service]\nType=oneshot\n${more}ExecStart=${program}\n`;
  await unit(plot, `${name}.service`, `[Unit]\n${order}${service}`);
}

export function mask(plot: Plot, name: string): void {
  plot.symlink(`/etc/systemd/system/${name}`, '/dev/null');
}

/** Settings of cloud-init, in a file of their own. */
export function cloudConfig(plot: Plot, name: string, settings: object): Promise<void> {
  return plot.file(`/etc/cloud/cloud.cfg.d/99-${name}.cfg`, `${JSON.stringify(settings)}\n`);
}

export function sshdConfig(plot: Plot, name: string, line: string): Promise<void> {
  return plot.file(`/etc/ssh/sshd_config.d/00-${name}.conf`, `${line}\n`, 0o600);
}
