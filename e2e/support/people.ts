// One account for each role. Each test says whom it is played by.
import { join } from "node:path";

/** Roles, and nobody at all. */
export type Role = "SUPER_ADMIN" | "ADMIN" | "STAFF_ADMIN" | "AUDITOR" | "nobody";

/** Accounts that the set-up makes. */
export const people: { role: Exclude<Role, "nobody">; email: string; name: string }[] = [
  { role: "SUPER_ADMIN", email: "sam.super@fernmarket.example", name: "Sam Super" },
  { role: "ADMIN", email: "ada.admin@fernmarket.example", name: "Ada Admin" },
  { role: "STAFF_ADMIN", email: "stef.staff@fernmarket.example", name: "Stef Staff" },
  { role: "AUDITOR", email: "aud.auditor@fernmarket.example", name: "Aud Auditor" },
];

/** An account whose sign-in may be locked by wrong tries. */
export const clumsy = { role: "STAFF_ADMIN", email: "clumsy@fernmarket.example", name: "Clumsy Clara" } as const;

/** An account that has been disabled. */
export const gone = { role: "AUDITOR", email: "gone@fernmarket.example", name: "Gil Gone" } as const;

/** Their password. */
export const password = "seven quiet harbours at dawn";

/** Where the session of a role is kept. */
export const sessionFile = (role: Role) => join(import.meta.dirname, `../output/sessions/${role}.json`);
