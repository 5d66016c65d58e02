import { OFFLINE_CHECKS } from '../offline/checks/index.ts';
import type { Check } from '../types.ts';
import { accounts } from './accounts.ts';
import { address } from './address.ts';
import { authorizedKeys } from './authorized-keys.ts';
import { bios } from './bios.ts';
import { bootTime } from './boot-time.ts';
import { cloudInit } from './cloud-init.ts';
import { configDrive } from './config-drive.ts';
import { consoleLog } from './console.ts';
import { customer } from './customer.ts';
import { customerUefi } from './customer-uefi.ts';
import { dhcp } from './dhcp.ts';
import { discard } from './discard.ts';
import { driveMetadata } from './drive-metadata.ts';
import { hostName } from './host-name.ts';
import { hygiene } from './hygiene.ts';
import { imageRecord } from './image-record.ts';
import { kernelLog } from './kernel-log.ts';
import { listening } from './listening.ts';
import { loginPrompt } from './login-prompt.ts';
import { metadata } from './metadata.ts';
import { passwordLogin } from './password-login.ts';
import { passwords } from './passwords.ts';
import { powerOff } from './power-off.ts';
import { reboot } from './reboot.ts';
import { rebuild } from './rebuild.ts';
import { resolver } from './resolver.ts';
import { restart } from './restart.ts';
import { rootFilesystem } from './root-filesystem.ts';
import { rootGrows } from './root-grows.ts';
import { rootLogin } from './root-login.ts';
import { rootPassword } from './root-password.ts';
import { route } from './route.ts';
import { running } from './running.ts';
import { secureBoot } from './secure-boot.ts';
import { serviceMetadata } from './service-metadata.ts';
import { ssh } from './ssh.ts';
import { staticNetwork } from './static-network.ts';
import { throughput } from './throughput.ts';
import { time } from './time.ts';
import { twins } from './twins.ts';
import { uefi } from './uefi.ts';
import { units } from './units.ts';
import { userData } from './user-data.ts';
import { vendorData } from './vendor-data.ts';

/** Every check there is, in the order in which they run and are told of. */
export const CHECKS: readonly Check[] = [
  ...OFFLINE_CHECKS,
  ...[running, address, ssh, cloudInit, bootTime, units, kernelLog],
  ...[userData, vendorData, hostName, dhcp, route, resolver, time, listening],
  ...[rootPassword, passwords, passwordLogin, rootLogin, accounts, authorizedKeys],
  ...[rootGrows, rootFilesystem, discard, consoleLog, loginPrompt, hygiene],
  ...[bios, uefi, secureBoot, twins, driveMetadata, staticNetwork, serviceMetadata],
  // The server with the config drive comes up meanwhile, and waits two minutes for a network.
  ...[imageRecord, metadata, reboot, rebuild, configDrive],
  ...[throughput, restart, customer, customerUefi, powerOff],
];
