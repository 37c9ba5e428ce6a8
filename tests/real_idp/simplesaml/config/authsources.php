<?php
// The people of people.json, the same as at every other identity provider of the tests; the password is the name.

$users = ['exampleauth:UserPass'];
foreach (json_decode(file_get_contents(__DIR__ . '/../../people.json'), true) as $person) {
    $login = strstr($person['email'], '@', true);
    $users["$login:$login"] = [
        'uid' => [$person['sub']],
        'displayName' => [$person['name']],
        'mail' => [$person['email']],
        'groups' => $person['groups'],
    ];
}

$config = ['people' => $users];
