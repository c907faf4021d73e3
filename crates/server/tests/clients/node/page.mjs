// What runs inside of the browser. `report` is a function of the program outside.

import { OFREPWebProvider } from '@openfeature/ofrep-web-provider';
import { OpenFeature, ProviderEvents } from '@openfeature/web-sdk';

const told = {
  [ProviderEvents.Ready]: 'ready',
  [ProviderEvents.Stale]: 'stale',
  [ProviderEvents.Error]: 'error',
  [ProviderEvents.ConfigurationChanged]: 'changed',
};

globalThis.start = async ({ baseUrl, token, context, options }) => {
  for (const [event, word] of Object.entries(told)) {
    OpenFeature.addHandler(event, (details) => {
      globalThis.report({ event: word, flags: details?.flagsChanged, message: details?.message });
    });
  }
  const headers = token ? [['Authorization', `Bearer ${token}`]] : [];
  const provider = new OFREPWebProvider({ baseUrl, headers, cacheMode: 'disabled', ...options });
  await OpenFeature.setProviderAndWait(provider, context);
  return {};
};

globalThis.change = async ({ context }) => {
  await OpenFeature.setContext(context);
  return {};
};

globalThis.evaluate = ({ kind, key, fallback }) => {
  const client = OpenFeature.getClient();
  const ways = {
    boolean: () => client.getBooleanDetails(key, fallback),
    string: () => client.getStringDetails(key, fallback),
    number: () => client.getNumberDetails(key, fallback),
    object: () => client.getObjectDetails(key, fallback),
  };
  const { value, reason, variant, errorCode, errorMessage } = ways[kind]();
  return { value, reason, variant, errorCode, errorMessage };
};

// What a page of another origin may read of an answer.
globalThis.ask = async ({ url, options }) => {
  try {
    const response = await fetch(url, options);
    return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() };
  } catch (fault) {
    return { refused: String(fault) };
  }
};
