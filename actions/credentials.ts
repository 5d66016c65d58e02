import { TrustError } from '../src/host/errors.ts';

/** Variables that carry a cloud's, a registry's or a signer's secret. */
const SECRET_NAMES = [
  /^OS_(PASSWORD|TOKEN|APPLICATION_CREDENTIAL_SECRET|AUTH_TOKEN)$/,
  /^(AWS_SECRET_ACCESS_KEY|AWS_SESSION_TOKEN|AZURE_CLIENT_SECRET|GOOGLE_APPLICATION_CREDENTIALS)$/,
  /^IMAGE_FACTORY_(SIGNING_KEY|PASSPHRASE)$/,
  /^ACTIONS_ID_TOKEN_REQUEST_TOKEN$/,
];

/**
 * Elements are anybody's code run as root, so that a build starts in no place that holds a key.
 * @throws TrustError that names the variables, never their values
 */
export function refuseCredentials(env: Readonly<Record<string, string | undefined>>): void {
  const found = Object.keys(env).filter(
    name => env[name] && SECRET_NAMES.some(pattern => pattern.test(name)),
  );
  if (found.length === 0) return;
  throw new TrustError(`a build must not see credentials, and the environment holds ${found.join(', ')}`, {
    advice: 'give them to the jobs that verify, sign or promote, not to this one',
  });
}
