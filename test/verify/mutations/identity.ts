import { caughtBy, type Mutation } from './types.ts';

/** The name that the bundles of the mutations give their build host. */
export const BUILD_HOST = 'ci-runner-17.build.example';

// Put together here, so that no scanner of repositories takes this file for a leak.
const PRIVATE_KEY = `${'-----BEGIN OPENSSH'} PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ\n`;
/** Where GitHub's own runners work; no path of the host that runs this. */
const WORKSPACE = ['', 'home', 'runner', 'work'].join('/');
const AWS = `[default]\naws_access_key_id = AKIA${'Q3EGRIZ4XTYPLMNB'}\n`;
const RANDOM = 'c0ffee5d1f9a47e2b8306d4c9e17fa52b6d8e3904f1a7c25';
const HASH = `$6$saltsalt$${'qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/'}`;

/** What of its build, its builder and its users an image must not carry. */
export const IDENTITY_MUTATIONS: readonly Mutation[] = [
  ...caughtBy('sealed', [
    [
      'a machine id',
      /\/etc\/machine-id: two instances/,
      plot => plot.file('/etc/machine-id', 'b08dfa6083e7567a1921a715000001fb\n', 0o444),
    ],
    [
      'no marker of a first boot',
      /\/etc\/machine-id: it is not there/,
      plot => plot.remove('/etc/machine-id'),
    ],
    ['a log of the build', /\/var\/log\/dpkg\.log/, plot => plot.file('/var/log/dpkg.log', 'installed\n')],
    [
      "the build host's resolver",
      /\/etc\/resolv\.conf/,
      plot => plot.file('/etc/resolv.conf', 'nameserver 10.0.0.1\n'),
    ],
    [
      "root's shell history",
      /\/root\/\.bash_history/,
      plot => plot.file('/root/.bash_history', 'passwd\n', 0o600),
    ],
  ]),
  ...caughtBy('host-keys', [
    [
      'an ssh host key',
      /\/etc\/ssh\/ssh_host_ed25519_key/,
      plot => plot.file('/etc/ssh/ssh_host_ed25519_key', 'key\n', 0o600),
    ],
  ]),
  ...caughtBy('logins', [
    [
      'a password of root',
      /\/etc\/shadow: a password that opens/,
      plot => plot.edit('/etc/shadow', text => text.replace(/^root:[^:]*:/m, `root:${HASH}:`), 0o640),
    ],
    [
      'an account without a password',
      /\/etc\/shadow: a password that opens/,
      plot => plot.edit('/etc/shadow', text => `${text}guest::20000:0:99999:7:::\n`, 0o640),
    ],
    [
      'a key that root accepts',
      /\/root\/\.ssh\/authorized_keys/,
      plot => plot.file('/root/.ssh/authorized_keys', 'ssh-ed25519 AAAA x\n', 0o600),
    ],
    [
      'a second root',
      /toor: an account beside root/,
      plot => plot.edit('/etc/passwd', text => `${text}toor:x:0:0::/root:/bin/sh\n`),
    ],
  ]),
  ...caughtBy('secrets', [
    [
      'a private key',
      /\/opt\/app\/deploy\.pem: it holds a private key/,
      plot => plot.file('/opt/app/deploy.pem', PRIVATE_KEY, 0o600),
    ],
    [
      "the builder's cloud credentials",
      /it holds an AWS access key/,
      plot => plot.file('/opt/app/credentials', AWS, 0o600),
    ],
    [
      'a random token in a configuration',
      /under the name of a secret/,
      plot => plot.file('/etc/app.conf', `registry_token = "${RANDOM}"\n`),
    ],
    [
      'a password in an address',
      /an address with a password/,
      plot => plot.file('/opt/app/.git/config', 'url = https://ci:hunter2222@git.example/app\n'),
    ],
  ]),
  ...caughtBy('build-host', [
    [
      "the build host's name",
      new RegExp(`/opt/app/build-info: it names ${BUILD_HOST}`),
      plot => plot.file('/opt/app/build-info', `built on ${BUILD_HOST}\n`),
    ],
    [
      'a path of a CI runner',
      /\/home\/runner\/work/,
      plot => plot.file('/opt/app/direct_url.json', `{"url":"file://${WORKSPACE}/app/app"}\n`),
    ],
  ]),
];
