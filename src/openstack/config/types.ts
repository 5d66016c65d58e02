/** Which endpoint of a service in the catalogue is used. */
export const INTERFACES = ['public', 'internal', 'admin'] as const;
export type Interface = (typeof INTERFACES)[number];

/** The services this client speaks to, by their type in the catalogue. */
export const SERVICE_TYPES = ['identity', 'image', 'compute', 'network'] as const;
export type ServiceType = (typeof SERVICE_TYPES)[number];

/** Something in Keystone that is known by id, or by name within a domain. */
export type Named = { readonly id: string } | { readonly name: string; readonly domain: Domain };
export type Domain = { readonly id: string } | { readonly name: string };

export type Credential =
  | { readonly kind: 'password'; readonly user: Named; readonly password: string }
  | { readonly kind: 'application credential'; readonly id: string; readonly secret: string }
  | {
      readonly kind: 'application credential';
      readonly name: string;
      readonly user: Named;
      readonly secret: string;
    }
  | { readonly kind: 'token'; readonly token: string };

/** What a token is good for; an application credential brings its own. */
export type Scope =
  | { readonly kind: 'project'; readonly project: Named }
  | { readonly kind: 'domain'; readonly domain: Domain }
  | { readonly kind: 'system' }
  | { readonly kind: 'none' };

/** One cloud, in one region, as a user of OpenStack configures it. */
export interface CloudConfig {
  /** How messages name it: `cloud builder in /etc/openstack/clouds.yaml`. */
  readonly label: string;
  /** Keystone's address with its version: it ends in `/v3`. */
  readonly authUrl: string;
  readonly credential: Credential;
  readonly scope: Scope;
  /** Undefined: the catalogue must have one region only. */
  readonly region: string | undefined;
  readonly interface: Interface;
  /** `image_interface` and the like. */
  readonly interfaces: Readonly<Partial<Record<ServiceType, Interface>>>;
  /** `image_endpoint_override` and the like: taken instead of what the catalogue says. */
  readonly endpoints: Readonly<Partial<Record<ServiceType, string>>>;
  /** Paths: certificate authorities to trust instead of the system's, and a client's certificate with its key. */
  readonly ca: string | undefined;
  readonly certificate: { readonly cert: string; readonly key: string } | undefined;
}
