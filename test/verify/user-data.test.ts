import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { multipartUserData, scriptUserData } from '../../src/verify/user-data.ts';

/** Python's own reader of messages, which cloud-init uses. */
const READ = `
import email, gzip, json, sys
message = email.message_from_bytes(gzip.decompress(sys.stdin.buffer.read()))
print(json.dumps([[p.get_content_type(), p.get_payload()] for p in message.get_payload()]))
`;

it('packs a cloud-config and a script into one message that Python takes apart again', () => {
  const told = execFileSync('python3', ['-c', READ], {
    input: multipartUserData('c0ffee'),
    encoding: 'utf8',
  });
  const parts = JSON.parse(told) as [string, string][];
  expect(parts.map(([type]) => type)).toEqual(['text/cloud-config', 'text/x-shellscript']);
  expect(parts[0]?.[1]).toMatch(/^#cloud-config\n\{/);
  expect(parts[1]?.[1].trim()).toBe(scriptUserData('c0ffee').trim());
});
