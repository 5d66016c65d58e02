/** Keys below `auth` that this client knows, with the older names that still stand in files. */
export const AUTH_KEYS: ReadonlySet<string> = new Set([
  'auth_url',
  'username',
  'user_id',
  'user_domain_id',
  'user_domain_name',
  'password',
  'token',
  'application_credential_id',
  'application_credential_name',
  'application_credential_secret',
  'project_id',
  'project_name',
  'project_domain_id',
  'project_domain_name',
  'tenant_id',
  'tenant_name',
  'domain_id',
  'domain_name',
  'default_domain',
  'default_domain_id',
  'default_domain_name',
  'system_scope',
]);

/** `auth_type` by what it means here. */
export const AUTH_TYPES: Readonly<Record<string, 'password' | 'application credential' | 'token'>> = {
  password: 'password',
  v3password: 'password',
  v3applicationcredential: 'application credential',
  token: 'token',
  v3token: 'token',
};
