import { z } from 'zod';
import { ApiError } from '../errors.ts';
import { listAll } from '../pages.ts';
import { path, type Service } from '../service.ts';

const MEMBER = z
  .object({
    member_id: z.string(),
    status: z.enum(['pending', 'accepted', 'rejected']),
  })
  .transform(raw => ({ project: raw.member_id, status: raw.status }));

/** A project with which an image is shared, and what it says to that. */
export type Member = z.output<typeof MEMBER>;

const MEMBERS = z.object({ members: z.array(MEMBER) });

export function listMembers(glance: Service, image: string): Promise<Member[]> {
  return listAll(glance, {
    what: `list the members of the image ${image}`,
    path: path`/images/${image}/members`,
    page: MEMBERS,
    items: page => page.members,
    next: () => undefined,
  });
}

/** Shares an image, whose visibility must be `shared`, with a project; a member already is no mistake. */
export async function addMember(glance: Service, image: string, project: string): Promise<void> {
  const call = { what: `share the image ${image} with ${project}`, method: 'POST' } as const;
  try {
    const json = { member: project };
    await glance.order({
      ...call,
      path: path`/images/${image}/members`,
      json,
      idempotent: true,
      accept: [200],
    });
  } catch (error) {
    const there = error instanceof ApiError && error.httpStatus === 409;
    if (!there || !(await listMembers(glance, image)).some(each => each.project === project)) throw error;
  }
}

/** Answers, as a member, to an image that was shared. */
export async function answerSharing(
  glance: Service,
  image: string,
  project: string,
  status: 'accepted' | 'rejected',
): Promise<void> {
  const call = { what: `answer the sharing of the image ${image}`, method: 'PUT', json: { status } } as const;
  await glance.order({ ...call, path: path`/images/${image}/members/${project}`, accept: [200] });
}

export async function removeMember(glance: Service, image: string, project: string): Promise<void> {
  const call = { what: `stop sharing the image ${image} with ${project}`, method: 'DELETE' } as const;
  await glance.order({ ...call, path: path`/images/${image}/members/${project}`, accept: [204, 404] });
}
