import { z } from 'zod';
import { ApiError } from '../errors.ts';
import { listAll } from '../pages.ts';
import { withRetries } from '../retry.ts';
import { path, type Service } from '../service.ts';
import { IMAGE, IMAGE_PAGE, type Image, type ImageVisibility } from './types.ts';

export interface ImageFilter {
  readonly name?: string;
  readonly tag?: string;
  readonly status?: string;
  readonly visibility?: ImageVisibility | 'all';
  readonly owner?: string;
  /** Only hidden ones, or (the default) only those that are not. */
  readonly hidden?: boolean;
}

/** Images that fit, newest first. @param pageSize how many are asked for at a time */
export function listImages(glance: Service, filter: ImageFilter = {}, pageSize = 100): Promise<Image[]> {
  const { hidden, ...rest } = filter;
  return listAll(glance, {
    what: 'list images',
    path: '/images',
    query: { ...rest, limit: pageSize, ...(hidden === undefined ? {} : { os_hidden: String(hidden) }) },
    page: IMAGE_PAGE,
    items: page => page.images,
    next: page => page.next,
  });
}

export async function getImage(glance: Service, id: string): Promise<Image> {
  const call = { what: `read the image ${id}`, method: 'GET', path: path`/images/${id}` } as const;
  return (await glance.call({ ...call, accept: [200], result: IMAGE })).result;
}

/** As getImage, but undefined when there is none. */
export async function findImage(glance: Service, id: string): Promise<Image | undefined> {
  return getImage(glance, id).catch(undefinedWhenGone);
}

function undefinedWhenGone(error: unknown): undefined {
  if (error instanceof ApiError && (error.httpStatus === 404 || error.httpStatus === 410)) return undefined;
  throw error;
}

export interface NewImage {
  /**
   * A UUID of the caller's choice. It makes the request safe to repeat: a second one finds the first one's image, and
   * an answer that is lost loses no image.
   */
  readonly id: string;
  readonly name: string;
  readonly diskFormat: string;
  readonly containerFormat?: string;
  readonly visibility?: ImageVisibility;
  readonly hidden?: boolean;
  readonly protected?: boolean;
  readonly tags: readonly string[];
  readonly minDisk?: number;
  readonly minRam?: number;
  readonly properties?: Readonly<Record<string, string>>;
}

/** Makes an image record without data: it is `queued`. */
export async function createImage(glance: Service, image: NewImage): Promise<Image> {
  const json = {
    ...image.properties,
    id: image.id,
    name: image.name,
    disk_format: image.diskFormat,
    container_format: image.containerFormat ?? 'bare',
    visibility: image.visibility ?? 'private',
    os_hidden: image.hidden ?? false,
    protected: image.protected ?? false,
    tags: image.tags,
    ...(image.minDisk === undefined ? {} : { min_disk: image.minDisk }),
    ...(image.minRam === undefined ? {} : { min_ram: image.minRam }),
  };
  const what = `create the image ${image.name}`;
  try {
    const call = { what, method: 'POST', path: '/images', json, idempotent: true, accept: [201] } as const;
    return (await glance.call({ ...call, result: IMAGE })).result;
  } catch (error) {
    const mine = error instanceof ApiError && error.httpStatus === 409 && (await findOwn(glance, image));
    if (mine) return mine;
    throw error;
  }
}

/** What an earlier try of ours made before its answer was lost. */
async function findOwn(glance: Service, image: NewImage): Promise<Image | undefined> {
  const found = await findImage(glance, image.id);
  const ours = found?.name === image.name && image.tags.every(tag => found.tags.includes(tag));
  return ours ? found : undefined;
}

/** Makes sure that there is no such image: one that is gone already is no mistake. */
export async function deleteImage(glance: Service, id: string): Promise<void> {
  const call = { what: `delete the image ${id}`, method: 'DELETE', path: path`/images/${id}` } as const;
  await glance.order({ ...call, accept: [204, 404, 410] });
}

export interface ImageChange {
  readonly name?: string;
  readonly visibility?: ImageVisibility;
  readonly hidden?: boolean;
  readonly protected?: boolean;
  readonly minDisk?: number;
  readonly minRam?: number;
  /** Null removes one. */
  readonly properties?: Readonly<Record<string, string | null>>;
}

const DEADLINE = 120_000;

/**
 * Changes an image until it is as asked, in one request. What is so already is not sent, so that a try whose
 * answer was lost does no harm.
 */
export function updateImage(glance: Service, id: string, change: ImageChange): Promise<Image> {
  const what = `change the image ${id}${change.visibility === undefined ? '' : ` to ${change.visibility}`}`;
  return withRetries(glance.context, { what, idempotent: true, deadline: DEADLINE }, async () => {
    const image = await getImage(glance, id);
    const json = patchFor(image, change);
    if (json.length === 0) return image;
    const headers = { 'content-type': 'application/openstack-images-v2.1-json-patch' };
    const call = { what, method: 'PATCH', path: path`/images/${id}`, headers, json, accept: [200] } as const;
    return (await glance.call({ ...call, retry: 'never', result: IMAGE })).result;
  });
}

type Operation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: string | number | boolean }
  | { readonly op: 'remove'; readonly path: string };

/** What of a change is not so yet, as a JSON patch. */
export function patchFor(image: Image, change: ImageChange): Operation[] {
  const { properties = {}, ...own } = change;
  const operations: Operation[] = [];
  for (const [key, value] of Object.entries(own)) {
    const name = OWN_NAMES[key as keyof typeof OWN_NAMES];
    if (value === undefined || image[key as keyof typeof own] === value) continue;
    operations.push({ op: 'replace', path: `/${name}`, value });
  }
  for (const [key, value] of Object.entries(properties)) {
    const before = Object.hasOwn(image.properties, key) ? image.properties[key] : undefined;
    if ((value ?? undefined) === before) continue;
    const at = `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (value === null) operations.push({ op: 'remove', path: at });
    else operations.push({ op: before === undefined ? 'add' : 'replace', path: at, value });
  }
  return operations;
}

const OWN_NAMES = {
  name: 'name',
  visibility: 'visibility',
  hidden: 'os_hidden',
  protected: 'protected',
  minDisk: 'min_disk',
  minRam: 'min_ram',
} as const satisfies Record<keyof Omit<ImageChange, 'properties'>, string>;

/** Takes an image out of use, or back into it: nobody but an administrator can boot or read it meanwhile. */
export async function setActive(glance: Service, id: string, active: boolean): Promise<void> {
  const action = active ? 'reactivate' : 'deactivate';
  const call = { what: `${action} the image ${id}`, method: 'POST', idempotent: true } as const;
  await glance.order({ ...call, path: path`/images/${id}/actions/${action}`, accept: [204] });
}

export async function addTag(glance: Service, id: string, tag: string): Promise<void> {
  const call = { what: `tag the image ${id}`, method: 'PUT', path: path`/images/${id}/tags/${tag}` } as const;
  await glance.order({ ...call, accept: [204] });
}

export async function removeTag(glance: Service, id: string, tag: string): Promise<void> {
  const call = {
    what: `untag the image ${id}`,
    method: 'DELETE',
    path: path`/images/${id}/tags/${tag}`,
  } as const;
  await glance.order({ ...call, accept: [204, 404] });
}

const SCHEMA = z.object({ properties: z.record(z.string(), z.looseObject({})) });

/** Names of the keys an image can have in this cloud. */
export async function imageKeys(glance: Service): Promise<string[]> {
  const call = { what: 'read the schema of images', method: 'GET', path: '/schemas/image' } as const;
  const { result } = await glance.call({ ...call, accept: [200], result: SCHEMA });
  return Object.keys(result.properties);
}
