// The OpenFeature server SDK of Node with the OFREP provider: one request for each evaluation.

import { OFREPProvider } from '@openfeature/ofrep-provider';
import { OpenFeature } from '@openfeature/server-sdk';

import { answer, details } from './lines.mjs';

const { OFREP_ENDPOINT: baseUrl, TOKEN: token } = process.env;
const headers = token ? [['Authorization', `Bearer ${token}`]] : [];
await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl, headers }));
const client = OpenFeature.getClient();

await answer({
  boolean: async ({ key, fallback, context }) => details(await client.getBooleanDetails(key, fallback, context)),
  string: async ({ key, fallback, context }) => details(await client.getStringDetails(key, fallback, context)),
  number: async ({ key, fallback, context }) => details(await client.getNumberDetails(key, fallback, context)),
  object: async ({ key, fallback, context }) => details(await client.getObjectDetails(key, fallback, context)),
});
await OpenFeature.close();
