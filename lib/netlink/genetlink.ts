import { Decoder, Encoder } from "./attribute.ts";
import type { NetlinkRequest } from "./message.ts";
import type { NetlinkSocket } from "./socket.ts";
import { malformed, SystemError } from "./system_error.ts";

/** The family that knows all others (linux/genetlink.h). */
const CONTROLLER = 16;
const GET_FAMILY = 3;
const FAMILY_ID = 1;
const FAMILY_NAME = 2;
/** struct genlmsghdr. */
export const GENERIC_HEADER_BYTES = 4;

/** A body for a command of a family, ready for attributes. */
export function genericBody(command: number, version: number, capacity?: number): Encoder {
  return new Encoder(capacity).raw8(command).raw8(version).raw16(0);
}

/** Asks for a family. */
export function getFamily(name: string): NetlinkRequest {
  const body = genericBody(GET_FAMILY, 1).text(FAMILY_NAME, name).bytes();
  return { type: CONTROLLER, flags: 0, body };
}

/** The number in the answer to {@linkcode getFamily}. @throws {SystemError} EBADMSG. */
export function decodeFamilyId(body: Uint8Array): number {
  const attributes = new Decoder(body, GENERIC_HEADER_BYTES);
  while (attributes.next()) {
    if (attributes.type === FAMILY_ID) return attributes.u16();
  }
  throw malformed("family without a number");
}

/**
 * Finds the number by which this kernel knows a family. Where the family is a module that is not
 * loaded yet, the kernel loads it for this.
 *
 * @returns undefined if the kernel has no such family.
 */
export function resolveFamily(socket: NetlinkSocket, name: string): number | undefined {
  try {
    const [answer] = socket.execute(`look for ${name}`, getFamily(name));
    if (answer === undefined) throw malformed("no family in the answer");
    return decodeFamilyId(answer.body);
  } catch (error) {
    if (error instanceof SystemError && error.isMissing) return undefined;
    throw error;
  }
}
