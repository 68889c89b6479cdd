import { assertEquals } from "@std/assert";
import { FirstContact } from "../../lib/spoke/first_contact.ts";

Deno.test("a spoke that had a hub calls it at once, registered or not", () => {
  const contact = new FirstContact(true);
  assertEquals(contact.waitMs(false, false, 0), 0);
  assertEquals(contact.waitMs(true, false, 1), 0);
  assertEquals(contact.waitMs(true, true, 2), 0);
});

Deno.test("a spoke without a hub calls the first one half a second after it has registered", () => {
  const contact = new FirstContact(false);
  assertEquals(contact.waitMs(true, false, 1000), 30_000);
  assertEquals(contact.waitMs(true, true, 2000), 500);
  assertEquals(contact.waitMs(true, true, 2400), 100);
  assertEquals(contact.waitMs(true, false, 2450), 50, "the label is taken away meanwhile");
  assertEquals(contact.waitMs(true, true, 2600), 0);
});

Deno.test("a spoke that registered long before a hub is there calls it at once", () => {
  const contact = new FirstContact(false);
  assertEquals(contact.waitMs(false, false, 0), Infinity);
  assertEquals(contact.waitMs(false, true, 10), 500);
  assertEquals(contact.waitMs(true, true, 60_000), 0);
});

Deno.test("a registration that does not come about is waited for half a minute, once", () => {
  const contact = new FirstContact(false);
  assertEquals(contact.waitMs(true, false, 0), 30_000);
  assertEquals(contact.waitMs(true, false, 29_000), 1000);
  assertEquals(contact.waitMs(true, false, 30_000), 0);
  assertEquals(contact.waitMs(true, true, 40_000), 0);
});
