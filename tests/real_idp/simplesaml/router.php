<?php
// php -S takes module.php/core/loginuserpass.php for a file that does not exist: find the script, hand on the rest.

$root = '/usr/share/simplesamlphp/www';
$path = preg_replace('#^/simplesaml#', '', parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH));
if (!preg_match('#^(/[\w/.-]+?\.php)(/.*)?$#', $path, $found) || strpos($path, '..') !== false) {
    $static = $root . $path;
    if (strpos($path, '..') === false && is_file($static)) {
        header('Content-Type: ' . (substr($path, -4) === '.css' ? 'text/css' : 'application/octet-stream'));
        readfile($static);
        return true;
    }
    http_response_code(404);
    return true;
}
$switches = json_decode(file_get_contents(getenv('IDP_HOME') . '/switches.json'), true);
if (!$switches['metadata'] && substr($found[1], -13) === '/metadata.php') {
    http_response_code(503);
    return true;
}
$_SERVER['SCRIPT_NAME'] = $_SERVER['PHP_SELF'] = '/simplesaml' . $found[1];
$_SERVER['SCRIPT_FILENAME'] = $root . $found[1];
$_SERVER['PATH_INFO'] = $found[2] ?? '';
chdir(dirname($root . $found[1]));
require $root . $found[1];
return true;
