import fc from 'fast-check';
import { expect, it } from 'vitest';
import { withoutProxies } from '../../src/image/proxies.ts';

it.each([
  [
    'etc/environment',
    'PATH=/bin\nhttp_proxy=http://p:3128\nHTTPS_PROXY="http://p"\nLANG=C\n',
    'PATH=/bin\nLANG=C\n',
  ],
  ['etc/environment', 'no_proxy=localhost', ''],
  ['etc/profile.d/site.sh', 'umask 27\n  export all_proxy=socks5://p\n', 'umask 27\n'],
  ['etc/profile.d/site.sh', '# my_http_proxy=1\nmy_http_proxy=1\n', '# my_http_proxy=1\nmy_http_proxy=1\n'],
  ['etc/apt/apt.conf', 'Acquire::http::Proxy "http://p:8000/";\nAPT::Color "1";\n', 'APT::Color "1";\n'],
  ['etc/apt/apt.conf', 'Acquire::https::Proxy::one.example "DIRECT";', ''],
  ['etc/apt/apt.conf', 'acquire::http::Proxy-Auto-Detect "/usr/bin/find-one";', ''],
  [
    'etc/apt/apt.conf.d/50x',
    'Acquire { http { Proxy "http://p"; Timeout "9"; }; };\n',
    'Acquire { http {  Timeout "9"; }; };\n',
  ],
  [
    'etc/apt/apt.conf.d/50x',
    'DPkg::Options { "--force-confold"; };\n',
    'DPkg::Options { "--force-confold"; };\n',
  ],
])('takes the proxies out of %s: %j', (path, content, left) => {
  expect(withoutProxies(path, content)).toBe(left);
});

it('leaves nothing to take out', () => {
  const words = ['http_proxy=', 'Acquire::', 'Proxy ', '"x"', ';', '\n', ' ', '::', '{', 'export '];
  const text = fc.array(fc.constantFrom(...words)).map(list => list.join(''));
  fc.assert(
    fc.property(fc.constantFrom('etc/environment', 'etc/apt/apt.conf'), text, (path, content) => {
      const left = withoutProxies(path, content);
      expect(withoutProxies(path, left)).toBe(left);
    }),
  );
});
