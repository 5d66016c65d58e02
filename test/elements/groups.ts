/** One image of diskimage-builder's elements, built twice: by disk-image-create and by us. */
export interface Group {
  readonly name: string;
  readonly elements: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Whether a cloud's guest is made of it, which can be verified. */
  readonly boots?: boolean;
  /** Why neither can build it: what both name when they fail. */
  readonly fails?: string;
}

const words = (text: string) => text.trim().split(/\s+/);

const HELPERS =
  words(`package-installs pkg-map svc-map install-static install-types manifests element-manifest
  source-repositories cache-url dpkg dib-python dib-init-system`);

// diskimage-builder's dib-python takes Debian's python for Python 2.
const PYTHON = { DIB_PYTHON_VERSION: '3' };

/** A small one: no kernel, no boot loader. */
export const SMALL: Group = {
  name: 'small',
  elements: [
    ...words(
      'debian-minimal block-device-gpt devuser modprobe sysctl sysprep apt-sources apt-conf apt-preferences',
    ),
    ...HELPERS,
    'exercise',
  ],
  environment: PYTHON,
};

/** Every element that is asked to run unchanged is in one of them, and what uses it beside it where it needs that. */
export const GROUPS: readonly Group[] = [
  {
    name: 'server',
    elements: [
      ...words(`debian-minimal base vm block-device-gpt cloud-init cloud-init-datasources cloud-init-nocloud
        openssh-server runtime-ssh-host-keys growroot dhcp-all-interfaces devuser enable-serial-console
        journal-to-console sysctl modprobe dkms apt-sources apt-conf apt-preferences sysprep
        grub2 bootloader pip-and-virtualenv local-config`),
      ...HELPERS,
      'exercise',
    ],
    environment: { ...PYTHON, DIB_INSTALLTYPE_pip_and_virtualenv: 'package' },
  },
  {
    name: 'mbr',
    elements: words('debian-minimal vm block-device-mbr'),
    environment: {},
  },
  {
    name: 'cloud',
    elements: words(`debian-minimal vm block-device-efi grub2 cloud-init cloud-init-datasources openssh-server
      dhcp-all-interfaces growroot devuser`),
    environment: {
      DIB_DEV_USER_USERNAME: 'keeper',
      DIB_CLOUD_INIT_DATASOURCES: 'ConfigDrive, NoCloud',
      DIB_BOOTLOADER_DEFAULT_CMDLINE: 'console=tty0 console=ttyS0,115200 net.ifnames=0',
    },
    boots: true,
  },
  {
    name: 'unavailable',
    elements: words('debian-minimal stable-interface-names'),
    environment: {},
    // A package that Debian does not have.
    fails: 'biosdevname',
  },
];
