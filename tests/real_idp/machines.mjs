// What the OpenID provider of op.mjs knows of programs: APIs (RFC 8707), clients without a person, and their grants.
//
//   resource               access token
//   urn:airflow:api        JWT (RFC 9068) for Airflow
//   urn:airflow:opaque     opaque, for whoever may introspect it (RFC 7662): the client "airflow"
//   urn:another:api        JWT for somebody else
//
//   client       grants
//   airflow-cli  device code, authorization code to http://127.0.0.1:ANY/callback, refresh; public
//   ci-job       client credentials with a secret; of the group airflow-ops
//   ci-stranger  the same, of no group
//   agent        token exchange: acts for a person, whose token it shows
//
// PUT /control/clients/ID {metadata} registers another, such as one of private_key_jwt with its jwks.
// POST /control/sign {"header": {…}, "claims": {…}} answers a JWT signed with the provider's key, whatever it says.
import { SignJWT, importJWK, jwtVerify, createLocalJWKSet } from 'jose'
import { errors } from 'oidc-provider'

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'
export const RESOURCES = {
  'urn:airflow:api': { accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } },
  'urn:airflow:opaque': { accessTokenFormat: 'opaque' },
  'urn:another:api': { accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } }
}
export const RESOURCE_SCOPE = 'api:read api:write'
const GROUPS = { 'ci-job': ['airflow-ops'], 'ci-key': ['airflow-ops'], agent: ['airflow-viewers'] }

const program = (clientId, secret, grantTypes) => ({
  client_id: clientId,
  client_secret: secret,
  redirect_uris: [],
  response_types: [],
  grant_types: grantTypes,
  token_endpoint_auth_method: 'client_secret_basic'
})

export const clients = (secret) => [
  program('ci-job', secret, ['client_credentials']),
  program('ci-stranger', secret, ['client_credentials']),
  program('agent', secret, ['client_credentials', EXCHANGE]),
  {
    client_id: 'airflow-cli',
    application_type: 'native',
    redirect_uris: ['http://127.0.0.1/callback', 'http://[::1]/callback'],
    response_types: ['code'],
    grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
    token_endpoint_auth_method: 'none'
  }
]

const serverInfo = async (ctx, resource) => {
  if (!RESOURCES[resource]) throw new errors.InvalidTarget()
  return { scope: RESOURCE_SCOPE, audience: resource, accessTokenTTL: 600, ...RESOURCES[resource] }
}

export const resourceIndicators = {
  enabled: true,
  getResourceServerInfo: serverInfo,
  useGrantedResource: async () => true
}

// An access token says what a person's ID token says; a program has groups of its own.
export const extraTokenClaims = (people) => async (ctx, token) => {
  if (!token.accountId) return { groups: GROUPS[token.clientId] ?? [] }
  const { name, email, groups } = people[token.accountId] ?? {}
  return { name, email, groups, ...ctx.oidc.actor && { act: ctx.oidc.actor } }
}

export const deviceFlow = (page) => ({
  enabled: true,
  userCodeInputSource: async (ctx, form, out, error) => {
    ctx.body = page('Enter the code', `${error ? '<p>That code is not right.' : ''}${form}
      <button form="op.deviceInputForm">Continue</button>`)
  },
  userCodeConfirmSource: async (ctx, form, client, device, code) => {
    ctx.body = page('Confirm the device', `<p>${client.clientId} shows <code>${code}</code>${form}
      <button form="op.deviceConfirmForm" autofocus>Continue</button>
      <button form="op.deviceConfirmForm" name="abort" value="yes">Abort</button>`)
  },
  successSource: async (ctx) => { ctx.body = page('Signed in on your device', '') }
})

// RFC 8693: a program shows a person's access token and gets one of its own, which names both.
export const exchange = (provider, { kty, n, e, kid }, people) => {
  const local = createLocalJWKSet({ keys: [{ kty, n, e, kid }] })
  const subjectOf = async (token) => {
    const known = await provider.AccessToken.find(token)
    if (known) return { sub: known.accountId }
    try {
      return (await jwtVerify(token, local, { issuer: provider.issuer, typ: 'at+jwt' })).payload
    } catch {
      throw new errors.InvalidGrant('subject_token is not valid')
    }
  }
  const handler = async (ctx) => {
    const { client, params } = ctx.oidc
    const { sub, act } = await subjectOf(params.subject_token)
    if (!people[sub]) throw new errors.InvalidGrant('subject_token is not of a person')
    ctx.oidc.actor = { sub: client.clientId, ...act && { act } }
    const grant = new provider.Grant({ clientId: client.clientId, accountId: sub })
    const token = new provider.AccessToken({ accountId: sub, client, grantId: await grant.save(), gty: 'token_exchange' })
    token.resourceServer = new provider.ResourceServer(params.resource, await serverInfo(ctx, params.resource))
    token.scope = RESOURCE_SCOPE
    ctx.oidc.entity('AccessToken', token)
    ctx.body = {
      access_token: await token.save(),
      expires_in: token.expiration,
      issued_token_type: ACCESS_TOKEN,
      token_type: token.tokenType
    }
  }
  const parameters = ['audience', 'resource', 'scope', 'requested_token_type', 'subject_token', 'subject_token_type']
  provider.registerGrantType(EXCHANGE, handler, parameters)
}

export const controls = (provider, jwk) => async (ctx, next) => {
  const [, control, what, id] = ctx.path.split('/')
  if (control !== 'control' || !['clients', 'sign'].includes(what)) return next()
  const parts = []
  for await (const part of ctx.req) parts.push(part)
  const asked = JSON.parse(Buffer.concat(parts).toString())
  if (what === 'clients') {
    await provider.Client.adapter.upsert(id, { ...program(id, undefined, ['client_credentials']), ...asked, client_id: id })
    ctx.status = 204
    return
  }
  const header = { alg: jwk.alg, kid: jwk.kid, typ: 'at+jwt', ...asked.header }
  ctx.body = await new SignJWT(asked.claims).setProtectedHeader(header).sign(await importJWK(jwk, header.alg))
}
