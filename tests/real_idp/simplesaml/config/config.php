<?php
// Everything that differs from one run to the next is in the folder that IDP_HOME names.

$home = getenv('IDP_HOME');
$switches = json_decode(file_get_contents("$home/switches.json"), true);

$config = [
    'baseurlpath' => getenv('IDP_URL') . '/simplesaml/',
    'certdir' => "$home/",
    'loggingdir' => "$home/",
    'datadir' => "$home/data/",
    'tempdir' => "$home/tmp",
    'metadatadir' => __DIR__ . '/../metadata/',
    'attributenamemapdir' => '/usr/share/simplesamlphp/attributemap/',
    'technicalcontact_name' => 'Tests',
    'technicalcontact_email' => 'tests@example.com',
    'timezone' => 'UTC',
    'secretsalt' => 'only for the end-to-end tests',
    'auth.adminpassword' => 'only for the end-to-end tests',
    'admin.checkforupdates' => false,
    'showerrors' => true,
    'errorreporting' => false,
    'logging.handler' => 'errorlog',
    'logging.level' => SimpleSAML\Logger::INFO,
    'logging.processname' => 'simplesamlphp',
    'enable.saml20-idp' => true,
    'enable.http_post' => false,
    'module.enable' => ['core' => true, 'saml' => true, 'exampleauth' => true],
    // SessionNotOnOrAfter of the assertions.
    'session.duration' => $switches['session_seconds'],
    'session.cookie.secure' => false,
    'session.cookie.samesite' => 'Lax',
    'session.phpsession.cookiename' => 'SimpleSAML',
    'language.available' => ['en'],
    'language.default' => 'en',
    'language.cookie.secure' => false,
    'language.cookie.samesite' => 'Lax',
    'theme.use' => 'default',
    'production' => true,
    // Where IdP-initiated logout may send the browser at its end.
    'trusted.url.domains' => ['localhost', '127.0.0.1'],
    'metadata.sources' => [
        ['type' => 'flatfile'],
        // As our metadata page serves it: nothing of the service provider is typed by hand.
        ['type' => 'xml', 'file' => "$home/sp.xml"],
    ],
    // Logout needs to find a session by its index.
    'store.type' => 'sql',
    'store.sql.dsn' => "sqlite:$home/store.sqlite3",
    'store.sql.prefix' => 'idp',
];
