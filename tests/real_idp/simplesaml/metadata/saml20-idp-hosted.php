<?php
// What a test may change while the identity provider runs is in switches.json.

$switches = json_decode(file_get_contents(getenv('IDP_HOME') . '/switches.json'), true);
$redirect = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect';
$post = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST';

$format = [
    'persistent' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
    'email' => 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress',
    'transient' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient',
][$switches['name_id']];

$metadata[getenv('IDP_URL') . '/entity'] = [
    'host' => '__DEFAULT__',
    'privatekey' => 'idp.pem',
    'certificate' => 'idp.crt',
    'auth' => 'people',
    'SingleSignOnServiceBinding' => [$redirect, $post],
    // A service provider that fetches ?slo=post knows the one binding only.
    'SingleLogoutServiceBinding' => ($_GET['slo'] ?? '') === 'post' ? [$post] : [$redirect, $post],
    'validate.authnrequest' => $switches['signed_requests'],
    'redirect.sign' => true,
    'redirect.validate' => true,
    'sign.logout' => true,
    'validate.logout' => true,
    'saml20.sign.response' => $switches['sign_response'],
    'saml20.sign.assertion' => true,
    'assertion.encryption' => $switches['encrypt'],
    'logouttype' => $switches['logout_type'],
    'authproc' => array_filter([
        10 => $switches['name_id'] === 'transient' ? ['class' => 'saml:TransientNameID'] : [
            'class' => 'saml:AttributeNameID',
            'attribute' => $switches['name_id'] === 'email' ? 'mail' : 'uid',
            'Format' => $format,
        ],
        20 => $switches['context'] === '' ? null : [
            'class' => 'saml:AuthnContextClassRef',
            'AuthnContextClassRef' => $switches['context'],
        ],
    ]),
    'NameIDFormat' => $format,
    'attributes.NameFormat' => 'urn:oasis:names:tc:SAML:2.0:attrname-format:basic',
];
