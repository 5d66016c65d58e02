import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DefinitionError } from '../../../src/host/errors.ts';
import { type CloudChoice, loadCloud } from '../../../src/openstack/config/load.ts';
import type { CloudConfig } from '../../../src/openstack/config/types.ts';
import { recordingContext } from '../../host/support.ts';

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'image-factory-clouds-'));
});

afterEach(() => rm(home, { recursive: true, force: true }));

const CLOUDS = `
clouds:
  shop:
    auth: &auth
      auth_url: https://keystone.example:5000
      username: ann
      password: 0123
      project_name: images
      user_domain_name: People
      project_domain_id: d1
    region_name: north
  robot:
    auth_type: v3applicationcredential
    auth:
      auth_url: https://keystone.example/identity/v3/
      application_credential_id: ac1
      application_credential_secret: s3cret
    interface: internal
    image_endpoint_override: https://glance.example
`;

/** Reads a cloud with these files in the current directory. */
async function load(
  files: Readonly<Record<string, string>>,
  choice: CloudChoice = {},
  env: Record<string, string> = {},
): Promise<CloudConfig & { said: string[] }> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(home, name, '..'), { recursive: true });
    await writeFile(join(home, name), text);
  }
  const { context, said } = recordingContext({ env: { HOME: join(home, 'home'), ...env } });
  return { ...(await loadCloud(context, choice, home)), said };
}

async function refusal(...given: Parameters<typeof load>): Promise<string> {
  const error = await load(...given).catch(each => each);
  expect(error).toBeInstanceOf(DefinitionError);
  expect(error.line).not.toContain('\n');
  return error.line.replaceAll(home, '.');
}

const entry = (lines: string) =>
  `clouds:\n  one:\n    auth: { auth_url: 'https://k', username: u, password: p }\n${lines}`;

it('reads a user with a password, and keeps the leading zeros of one that is all digits', async () => {
  expect(await load({ 'clouds.yaml': CLOUDS }, { cloud: 'shop' })).toMatchObject({
    authUrl: 'https://keystone.example:5000/v3',
    credential: { kind: 'password', user: { name: 'ann', domain: { name: 'People' } }, password: '0123' },
    scope: { kind: 'project', project: { name: 'images', domain: { id: 'd1' } } },
    region: 'north',
    interface: 'public',
    endpoints: {},
  });
});

it('reads an application credential, which brings its own scope', async () => {
  expect(await load({ 'clouds.yaml': CLOUDS }, {}, { OS_CLOUD: 'robot' })).toMatchObject({
    authUrl: 'https://keystone.example/identity/v3',
    credential: { kind: 'application credential', id: 'ac1', secret: 's3cret' },
    scope: { kind: 'none' },
    interface: 'internal',
    endpoints: { image: 'https://glance.example' },
  });
});

it('merges a public profile below and secrets above an entry', async () => {
  const config = await load(
    {
      'clouds.yaml':
        'clouds:\n  a:\n    profile: big\n    auth: { username: u, domain_name: D }\n    interface: internal\n',
      'secure.yaml': 'clouds:\n  a:\n    auth:\n      password: hush\n',
      'clouds-public.yaml':
        'public-clouds:\n  big:\n    auth: { auth_url: "https://big.example/v3", password: wrong }\n    interface: admin\n    region_name: r1\n',
    },
    { cloud: 'a' },
  );
  expect(config).toMatchObject({
    authUrl: 'https://big.example/v3',
    credential: { password: 'hush', user: { domain: { id: 'default' } } },
    scope: { kind: 'domain', domain: { name: 'D' } },
    interface: 'internal',
    region: 'r1',
  });
});

it('looks here first, then in the user’s folder; a variable goes before both', async () => {
  const named = (name: string) => entry('').replace('one:', `${name}:`);
  const usual = { 'home/.config/openstack/clouds.yaml': named('user') };
  expect((await load(usual)).label).toContain('cloud user in');
  expect((await load({ 'clouds.yml': named('here') })).label).toContain('cloud here in');
  const told = { OS_CLIENT_CONFIG_FILE: join(home, 'told.json') };
  const json = '{"clouds":{"told":{"auth":{"auth_url":"https://k","username":"u","password":"p"}}}}';
  expect((await load({ 'told.json': json }, {}, told)).label).toContain('cloud told in');
  expect(await refusal({}, {}, { OS_CLIENT_CONFIG_FILE: join(home, 'none.yaml') })).toBe(
    'OS_CLIENT_CONFIG_FILE names ./none.yaml, which is not there',
  );
});

it('reads a cloud from OS_* variables alone', async () => {
  const env = {
    OS_AUTH_URL: 'https://k.example/v2.0',
    OS_USERNAME: 'u',
    OS_PASSWORD: 'p',
    OS_TENANT_NAME: 't',
    OS_USER_DOMAIN_NAME: 'D',
    OS_ENDPOINT_TYPE: 'internalURL',
    OS_REGION_NAME: 'r',
    OS_CACERT: '/ca.pem',
    OS_IDENTITY_API_VERSION: '3',
  };
  expect(await load({ 'clouds.yaml': CLOUDS }, {}, env)).toMatchObject({
    authUrl: 'https://k.example/v3',
    scope: { project: { name: 't', domain: { id: 'default' } } },
    region: 'r',
    interface: 'internal',
    ca: '/ca.pem',
  });
  expect(
    await load({}, {}, { OS_AUTH_URL: 'https://k', OS_TOKEN: 'tok', OS_SYSTEM_SCOPE: 'all' }),
  ).toMatchObject({
    credential: { kind: 'token', token: 'tok' },
    scope: { kind: 'system' },
  });
});

it('says which variables do not count beside a named cloud, and lets the region be chosen', async () => {
  const env = { OS_CLOUD: 'shop', OS_PASSWORD: 'other', OS_REGION_NAME: 'south' };
  const config = await load({ 'clouds.yaml': CLOUDS }, {}, env);
  expect(config.said).toEqual(['warn: OS_PASSWORD set beside the cloud shop: not used']);
  expect(config.region).toBe('south');
  expect((await load({}, { region: 'east' }, env)).region).toBe('east');
});

it('takes the first of several regions, with what the file says of it', async () => {
  const file = { 'clouds.yaml': entry('    regions: [{ name: a, values: { interface: admin } }, b]\n') };
  expect(await load(file)).toMatchObject({ region: 'a', interface: 'admin' });
  expect(await load(file, { region: 'b' })).toMatchObject({ region: 'b', interface: 'public' });
  expect(await refusal(file, { region: 'c' })).toBe(
    'cloud one in ./clouds.yaml has no region c: it has a or b',
  );
});

it('refuses in one line what is missing, mistyped or unsafe', async () => {
  const bad = async (text: string, choice: CloudChoice = {}) => refusal({ 'clouds.yaml': text }, choice);
  expect(await bad(CLOUDS, { cloud: 'shp' })).toBe('./clouds.yaml has no cloud shp: did you mean shop?');
  expect(await bad(CLOUDS)).toBe('no cloud was named: set OS_CLOUD to shop or robot of ./clouds.yaml');
  expect(await bad(entry('    verify: no\n'))).toContain(
    "(verify: no): name the cloud's certificate authority",
  );
  expect(await bad(entry('    insecure: True\n'))).toContain('(insecure: true)');
  expect(await bad(entry('    interface: pubic\n'))).toBe(
    'interface of cloud one in ./clouds.yaml is "pubic": use public, internal or admin',
  );
  expect(await bad(entry('    profile: big\n'))).toContain('the profile big of cloud one');
  expect(await bad(entry('    auth_type: v3totp\n'))).toContain('auth_type "v3totp"');
  expect(await bad('clouds:\n  one: { auth: { auth_url: "https://k", usrname: x } }')).toContain(
    'did you mean username?',
  );
  expect(await bad('clouds:\n  one: { auth: { auth_url: "https://k", username: x } }')).toBe(
    'cloud one in ./clouds.yaml has no password: set it in clouds.yaml or secure.yaml, or as OS_PASSWORD',
  );
  expect(await bad('clouds:\n  one: { auth: { auth_url: "ftp://k", username: x, password: y } }')).toContain(
    'is not an http or https address',
  );
  expect(await refusal({ 'clouds.yaml': CLOUDS }, {}, { OS_CLOUD: 'constructor' })).toContain(
    'has no cloud constructor',
  );
});

it('never repeats what stands in a broken file: it may be a password', async () => {
  const line = await refusal(
    { 'clouds.yaml': 'clouds:\n  a:\n   auth: { password: "hunter2\n' },
    { cloud: 'a' },
  );
  expect(line).toMatch(/^\.\/clouds\.yaml:\d+ is not YAML: /);
  expect(line).not.toContain('hunter2');
});

it('says that a file cannot be read', async () => {
  await mkdir(join(home, 'clouds.yaml'));
  expect(await refusal({}, { cloud: 'a' })).toBe('cannot read ./clouds.yaml (EISDIR)');
  await chmod(home, 0o700);
});

it('hands every password, whatever is in it, to the log as a secret and to Keystone as it is', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ minLength: 1, unit: 'grapheme' }), async password => {
      const secrets: string[] = [];
      const text = JSON.stringify({
        clouds: { a: { auth: { auth_url: 'https://k', username: 'u', password } } },
      });
      await writeFile(join(home, 'clouds.json'), text);
      const { context } = recordingContext({ env: { HOME: home } });
      const log = { ...context.log, secret: (value: string) => void secrets.push(value) };
      const config = await loadCloud({ ...context, log }, {}, home);
      expect(config.credential).toMatchObject({ password });
      expect(secrets).toEqual([password]);
    }),
    { numRuns: 50 },
  );
});

it('ends with a configuration or one line, whatever the file holds', async () => {
  await fc.assert(
    fc.asyncProperty(fc.anything({ maxDepth: 4 }), fc.string(), async (auth, cloud) => {
      await writeFile(join(home, 'clouds.json'), JSON.stringify({ clouds: { [cloud]: { auth } } }) ?? '');
      const { context } = recordingContext({ env: { HOME: home } });
      const error = await loadCloud(context, { cloud }, home).then(
        () => undefined,
        each => each,
      );
      if (error !== undefined) expect(error).toBeInstanceOf(DefinitionError);
    }),
    { numRuns: 100 },
  );
});
